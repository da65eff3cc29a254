export { exportStore } from "./export.js";
export { importStore } from "./import.js";
export { type Progress, progressText } from "./progress.js";
