/** What is used of the package, which is no dependency of this project. */
declare module "@pierre/diffs" {
  export type FileDiff = object;
  export interface Item {
    id: string;
    type: "diff";
    fileDiff: FileDiff;
    version: number;
  }
  export function parsePatchFiles(text: string): { files: FileDiff[] }[];
  export class CodeView {
    constructor(options: { theme: { dark: string; light: string }; diffStyle: "unified" | "split" });
    setup(root: HTMLElement): void;
    setItems(items: readonly Item[]): void;
    updateItem(item: Item): boolean;
    render(immediate?: boolean): void;
  }
}
