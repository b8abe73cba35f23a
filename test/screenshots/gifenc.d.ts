// What we use of gifenc 1.0.3, which ships no types.
declare module 'gifenc' {
  /** Red, green, blue, 0..255 each. */
  type Colour = [number, number, number];

  /** `rgba`: four bytes a pixel. At most `maxColors` that stand for all of it. */
  export function quantize(rgba: Uint8Array, maxColors: number): Colour[];
  /** For each pixel the index of the nearest colour. */
  export function applyPalette(rgba: Uint8Array, palette: Colour[]): Uint8Array;

  interface Frame {
    /** Of the whole animation; given with the first frame alone. */
    palette?: Colour[];
    /** ms */
    delay: number;
    transparent: boolean;
    transparentIndex: number;
    /** 1: what is drawn stays below the next frame. */
    dispose: number;
    /** 0: for ever. Read from the first frame. */
    repeat: number;
  }

  export function GIFEncoder(): {
    writeFrame(indices: Uint8Array, width: number, height: number, options: Frame): void;
    finish(): void;
    bytes(): Uint8Array;
  };
}
