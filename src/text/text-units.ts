/**
 * A text's UTF-16 units in an array. A string that was cut or joined is slow to read unit by unit (V8 looks through its
 * parts each time); ASCII, the common case, is copied by native code instead.
 */
export class TextUnits {
  /** The units of the last text read; what stands behind its length is left over from others. */
  units = new Uint16Array(2048);
  private bytes = new Uint8Array(2048);
  private readonly encoder = new TextEncoder();

  /** Fills {@link units}. @returns how many there are. */
  read(text: string): number {
    const length = text.length;
    if (length > this.units.length) {
      this.units = new Uint16Array(2 * length);
      this.bytes = new Uint8Array(2 * length);
    }
    const { units, bytes } = this;
    const { read, written } = this.encoder.encodeInto(text, bytes);
    if (read === length && written === length) {
      units.set(written === bytes.length ? bytes : bytes.subarray(0, written));
    } else {
      for (let i = 0; i < length; i++) units[i] = text.charCodeAt(i);
    }
    return length;
  }
}
