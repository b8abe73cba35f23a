// Screenshots as small files: a still as PNG of 256 colours, several as one animation. Pure.
import { applyPalette, GIFEncoder, quantize } from 'gifenc';
import { decode, encodeIndexed } from './png';

const COLOURS = 256;
/** Frames that the colours of an animation are taken from: all of them would take long, one alone misses some. */
const SAMPLED = 4;

export interface Frame {
  png: Buffer;
  /** ms that it is shown. */
  delay: number;
}

export function still(png: Buffer): Buffer {
  const pixels = decode(png);
  const palette = quantize(pixels.rgba, COLOURS);
  return encodeIndexed(pixels, applyPalette(pixels.rgba, palette), palette);
}

/** A GIF for ever repeated; all frames of one size. A frame draws only what differs from the one before. */
export function animation(frames: readonly Frame[]): Buffer {
  const decoded = frames.map(({ png, delay }) => ({ ...decode(png), delay }));
  const step = Math.max(1, Math.floor(decoded.length / SAMPLED));
  const sample = Buffer.concat(decoded.filter((_, index) => index % step === 0).map(({ rgba }) => rgba));
  const palette = quantize(sample, COLOURS - 1);
  const unchanged = palette.length;
  const gif = GIFEncoder();
  let shown: Uint8Array | undefined;
  for (const { width, height, rgba, delay } of decoded) {
    const indices = applyPalette(rgba, palette);
    const before = shown;
    const drawn =
      before === undefined ? indices : indices.map((index, at) => (index === before[at] ? unchanged : index));
    gif.writeFrame(drawn, width, height, {
      ...(before === undefined ? { palette: [...palette, [0, 0, 0]] } : {}),
      delay,
      transparent: before !== undefined,
      transparentIndex: unchanged,
      dispose: 1,
      repeat: 0,
    });
    shown = indices;
  }
  gif.finish();
  return Buffer.from(gif.bytes());
}
