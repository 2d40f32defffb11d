// A failed conversion, with the words of the service or of the converter in this browser.

import { texts } from "./texts.js";

export class Failure extends Error {
  /** `isFinal` means that the zip is at fault, so that every other place would refuse it too. */
  constructor(code, detail, { title = texts[code]?.title ?? texts.refusedTitle, isFinal = false } = {}) {
    super(detail);
    this.code = code;
    this.title = title;
    this.isFinal = isFinal;
  }
}
