// @pierre/diffs as its makers show it: CodeView, which makes what is near the screen, with colours and marked words.
import { CodeView, type FileDiff, parsePatchFiles } from "@pierre/diffs";

const view = new CodeView({ theme: { dark: "pierre-dark", light: "pierre-light" }, diffStyle: "unified" });
const filesOf = (text: string): FileDiff[] => parsePatchFiles(text).flatMap(({ files }) => files);
const shadow = () => document.querySelector("diffs-container")?.shadowRoot;
let version = 1;

probe.isShown = () => shadow()?.querySelector("[data-line]") != null;
probe.firstText = () => shadow()?.textContent ?? "";
probe.scroller = () => root;
probe.show = (patch) => {
  const [fileDiff] = filesOf(patch);
  version += 1;
  if (fileDiff !== undefined) view.updateItem({ id: "0", type: "diff", fileDiff, version });
  view.render(true); // at once, and not with the next frame
};

const root = document.createElement("div");
root.className = "scroller";
document.body.append(root);
const diff = await (await fetch("diff.txt")).text();
probe.arrivedAt = performance.now();
view.setup(root);
view.setItems(filesOf(diff).map((fileDiff, at) => ({ id: String(at), type: "diff", fileDiff, version })));
view.render(true);
