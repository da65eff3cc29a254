/** One setting as it stands in a configuration file. */
export interface Setting {
  /** `section.key` or `section.subsection.key`; section and key in lower case, the subsection as written. */
  name: string;
  /** `undefined`: the key stands alone, which means `true`. */
  value: string | undefined;
}

/** Says in which line a configuration file breaks the syntax. */
export class ConfigSyntaxError extends Error {
  readonly line: number;

  /** @param line from 1 */
  constructor(line: number) {
    super(`bad config line ${line}`);
    this.line = line;
  }
}

/** What git takes for blank; JavaScript knows more. */
const BLANK = /^[ \t\n\r]$/;

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", "\\": "\\", '"': '"' };

/**
 * Parses git's configuration syntax, in order and without following includes: isomorphic-git's parser does not keep
 * the order across files that `include` needs. Syntax: <https://git-scm.com/docs/git-config#_syntax>.
 *
 * @throws ConfigSyntaxError
 */
export function parseConfig(text: string): Setting[] {
  return new ConfigParser(text).parse();
}

class ConfigParser {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #section = "";

  constructor(text: string) {
    this.#text = text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  parse(): Setting[] {
    const settings: Setting[] = [];
    for (;;) {
      this.#skipBlank();
      const char = this.#peek();
      if (char === "") return settings;
      if (char === "#" || char === ";") this.#skipLine();
      else if (char === "[") this.#section = this.#parseSection();
      else settings.push(this.#parseSetting());
    }
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #next(): string {
    const char = this.#text.charAt(this.#at++);
    if (char === "\r" && this.#peek() === "\n") return this.#next();
    if (char === "\n") this.#line += 1;
    return char;
  }

  /** Fails at the character that was read last; a line feed ends the line that it is in. */
  #fail(): never {
    const isLineFeed = this.#text.charAt(this.#at - 1) === "\n";
    throw new ConfigSyntaxError(isLineFeed ? this.#line - 1 : this.#line);
  }

  #skipBlank(): void {
    while (BLANK.test(this.#peek())) this.#next();
  }

  #skipLine(): void {
    for (let char = this.#next(); char !== "" && char !== "\n"; ) char = this.#next();
  }

  #parseSection(): string {
    this.#next();
    let name = "";
    for (;;) {
      const char = this.#next();
      if (char === "]") return name.toLowerCase();
      if (char === " " || char === "\t") return `${name.toLowerCase()}.${this.#parseSubsection()}`;
      if (!/^[A-Za-z0-9.-]$/.test(char)) this.#fail();
      name += char;
    }
  }

  #parseSubsection(): string {
    while (this.#peek() === " " || this.#peek() === "\t") this.#next();
    if (this.#next() !== '"') this.#fail();
    let name = "";
    for (;;) {
      let char = this.#next();
      if (char === '"') break;
      if (char === "\\") char = this.#next();
      if (char === "" || char === "\n") this.#fail();
      name += char;
    }
    if (this.#next() !== "]") this.#fail();
    return name;
  }

  #parseSetting(): Setting {
    let key = this.#next();
    if (!/^[A-Za-z]$/.test(key)) this.#fail();
    while (/^[A-Za-z0-9-]$/.test(this.#peek())) key += this.#next();
    const name = this.#section === "" ? key.toLowerCase() : `${this.#section}.${key.toLowerCase()}`;
    while (this.#peek() === " " || this.#peek() === "\t") this.#next();
    const char = this.#next();
    if (char === "" || char === "\n") return { name, value: undefined };
    if (char !== "=") this.#fail();
    return { name, value: this.#parseValue() };
  }

  #parseValue(): string {
    let value = "";
    let spaces = "";
    let quoted = false;
    for (;;) {
      const char = this.#next();
      if (char === "" || char === "\n") {
        if (quoted) this.#fail();
        return value;
      }
      if (!quoted && BLANK.test(char)) {
        // Blanks count only between other characters.
        if (value !== "") spaces += char;
        continue;
      }
      if (!quoted && (char === "#" || char === ";")) {
        this.#skipLine();
        return value;
      }
      value += spaces;
      spaces = "";
      if (char === '"') quoted = !quoted;
      else if (char === "\\") value += this.#parseEscape();
      else value += char;
    }
  }

  #parseEscape(): string {
    const char = this.#next();
    if (char === "\n") return "";
    return ESCAPES[char] ?? this.#fail();
  }
}
