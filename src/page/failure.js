// Why a conversion failed: the service's own words, or the same from the converter in this browser.

export class Failure extends Error {
  constructor(code, detail, title = "It did not work") {
    super(detail);
    this.code = code;
    this.title = title;
  }
}
