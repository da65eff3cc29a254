// diff2html without its searches for matching lines and words, and without colours, which come on top.
import { html } from "diff2html";

const options = { drawFileList: false, matching: "none", outputFormat: "line-by-line" } as const;
const wrapper = () => document.querySelector(".d2h-file-wrapper");

probe.isShown = () => wrapper() !== null;
probe.firstText = () => wrapper()?.textContent ?? "";
// it knows no updates: the file is made anew, and the others stay
probe.show = (patch) => {
  const made = document.createElement("div");
  made.innerHTML = html(patch, options);
  wrapper()?.replaceWith(...made.querySelectorAll(".d2h-file-wrapper"));
};

const diff = await (await fetch("diff.txt")).text();
probe.arrivedAt = performance.now();
const root = document.createElement("div");
root.innerHTML = html(diff, options);
document.body.append(root);
