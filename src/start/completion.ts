/** The shells that there is a script for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/**
 * What each shell sources: it asks `treewire` itself how the words may go on, so that no script is older than its program.
 * Where that knows nothing, files are named.
 */
const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: String.raw`# treewire completion bash > ~/.local/share/bash-completion/completions/treewire
_treewire() {
  local IFS=$'\n'
  COMPREPLY=($(treewire --complete "__{COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o bashdefault -o default -F _treewire treewire
`,
  zsh: `#compdef treewire
# treewire completion zsh > a file _treewire in a directory of $fpath; or: source <(treewire completion zsh)
_treewire() {
  local -a found
  found=("__{(@f)$(treewire --complete "__{(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- "__{found[@]}"; else _files; fi
}
if [[ "$funcstack[1]" = _treewire ]]; then _treewire "$@"; else compdef _treewire treewire; fi
`,
  fish: `# treewire completion fish > ~/.config/fish/completions/treewire.fish
complete -c treewire -a '(treewire --complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};

/** The script of a shell. */
export function completionScript(shell: (typeof SHELLS)[number]): string {
  return SCRIPTS[shell].replaceAll("__{", "${"); // which would be a template's own here
}
