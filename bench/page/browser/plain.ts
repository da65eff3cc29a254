// The same text in one element, without anything else: what a browser needs at least.
const pre = document.createElement("pre");
const text = document.createTextNode("");

probe.isShown = () => text.data !== "";
probe.firstText = () => text.data.slice(0, 10_000);
probe.show = (patch) => {
  const before = text.data.indexOf("\ndiff --git ", 1);
  const end = before < 0 ? text.length : before + 1;
  // the line that differs, and not the whole
  let start = 0;
  while (start < end && text.data[start] === patch[start]) start += 1;
  let same = 0;
  while (same < end - start && text.data[end - 1 - same] === patch[patch.length - 1 - same]) same += 1;
  text.replaceData(start, end - same - start, patch.slice(start, patch.length - same));
};

const diff = await (await fetch("diff.txt")).text();
probe.arrivedAt = performance.now();
text.data = diff;
pre.append(text);
document.body.append(pre);

export {};
