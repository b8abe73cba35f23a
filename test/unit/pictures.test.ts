// The codec behind the pictures of README and docs.
import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import { animation, still } from '../screenshots/pictures';
import { decode, encodeIndexed } from '../screenshots/png';

const WIDTH = 7;
const HEIGHT = 5;

/** Each line predicted in another way, as Chromium's encoder chooses to. */
function trueColour(shade: number): Buffer {
  const pixel = (x: number, y: number): number[] => [x * 30, y * 40, shade];
  const lines = Array.from({ length: HEIGHT }, (_, y) => {
    const bytes = Array.from({ length: WIDTH }, (_, x) => pixel(x, y)).flat();
    const above = y === 0 ? bytes.map(() => 0) : Array.from({ length: WIDTH }, (_, x) => pixel(x, y - 1)).flat();
    const predicted = bytes.map((byte, at) => {
      const left = bytes[at - 3] ?? 0;
      const up = above[at] ?? 0;
      const corner = above[at - 3] ?? 0;
      const guess = left + up - corner;
      const nearest = [left, up, corner].sort((a, b) => Math.abs(guess - a) - Math.abs(guess - b))[0] ?? 0;
      return byte - ([0, left, up, (left + up) >> 1, nearest][y] ?? 0);
    });
    return Buffer.from([y, ...predicted.map((byte) => byte & 255)]);
  });
  // What encodeIndexed frames, with another header and other pixels.
  const frame = encodeIndexed({ width: WIDTH, height: HEIGHT }, new Uint8Array(WIDTH * HEIGHT), [[0, 0, 0]]);
  const header = Buffer.from(frame.subarray(0, 33));
  header[8 + 8 + 9] = 2;
  const data = deflateSync(Buffer.concat(lines));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([header, length, Buffer.from('IDAT'), data, Buffer.alloc(4)]);
}

describe('pictures', () => {
  it('reads every way in which a line may be predicted from its neighbours', () => {
    const { width, height, rgba } = decode(trueColour(9));
    assert.deepEqual([width, height], [WIDTH, HEIGHT]);
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const at = (y * WIDTH + x) * 4;
        assert.deepEqual([...rgba.subarray(at, at + 4)], [x * 30, y * 40, 9, 255], `pixel ${x}, ${y}`);
      }
    }
  });

  it('refuses what it cannot read', () => {
    assert.throws(() => decode(Buffer.from('GIF89a, no PNG at all')), /no PNG/);
    assert.throws(() => decode(still(trueColour(1))), /true colour/);
  });

  it('makes one animation of all frames, for ever repeated', () => {
    const gif = animation([
      { png: trueColour(10), delay: 100 },
      { png: trueColour(200), delay: 200 },
      { png: trueColour(10), delay: 300 },
    ]);
    assert.equal(gif.toString('latin1', 0, 6), 'GIF89a');
    assert.deepEqual([gif.readUInt16LE(6), gif.readUInt16LE(8)], [WIDTH, HEIGHT]);
    assert.ok(gif.includes('NETSCAPE2.0'));
    // Each frame has a graphic control extension, with its delay in hundredths of a second.
    const control = Buffer.from([0x21, 0xf9, 0x04]);
    const delays: number[] = [];
    for (let at = gif.indexOf(control); at >= 0; at = gif.indexOf(control, at + 1))
      delays.push(gif.readUInt16LE(at + 4));
    assert.deepEqual(delays, [10, 20, 30]);
  });
});
