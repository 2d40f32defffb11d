// Why a conversion failed: the service's own words, or the same from the converter in this browser.

export class Failure extends Error {
  /** `isFinal` says that it is the archive's fault, so that another place would say the same. */
  constructor(code, detail, { title = "It did not work", isFinal = false } = {}) {
    super(detail);
    this.code = code;
    this.title = title;
    this.isFinal = isFinal;
  }
}
