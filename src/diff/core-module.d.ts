/** `core/` compiled to WebAssembly, in base64: build.mjs writes the module that this declares. */
export declare const coreModule: string;
