// What every part of the package needs: the wasm, and the error of a refusal.

import load from "./core.js";

let loading;

/** Loads the wasm once; the other functions do it by themselves. `source` says where it is, if not next to this module. */
export function init(source) {
  loading ??= load(source && { module_or_path: source }).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading.then(() => {});
}

/** A refusal: `code` is for programs and `message` for people, the same as the service's `code` and `detail`. */
export class RecompressError extends Error {
  name = "RecompressError";

  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** The refusal of the wasm as a RecompressError. Other errors stay as they are. */
export const refusal = (error) => (typeof error.code === "string" ? new RecompressError(error.message, error.code) : error);

/** Runs `act`. Throws refusals as a RecompressError. */
export async function caught(act) {
  try {
    return await act();
  } catch (error) {
    throw refusal(error);
  }
}
