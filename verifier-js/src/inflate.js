/**
 * Unpacks gzip and zlib within a limit, and says where the stream really ends. The stream API of the platforms does
 * not: some pass over whatever follows the end, some take several members for one.
 *
 * Source: RFC 1950, RFC 1951, RFC 1952; what zlib refuses is refused here.
 */

const FAST_BITS = 9;
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const GZIP_FLAGS = { text: 1, headCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };

/** @typedef {{ counts: Uint16Array, symbols: Uint16Array, fast: Uint16Array }} Code */

class Faulty extends Error {}
class TooLarge extends Error {}

/**
 * A Huffman code from the lengths of its symbols.
 *
 * @param {Uint8Array} lengths
 * @param {boolean} mayLack whether a code of one symbol of one bit may stand alone
 * @returns {Code}
 */
function makeCode(lengths, mayLack) {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]++;
  const unused = /** @type {number} */ (counts[0]);
  counts[0] = 0;
  const starts = new Uint16Array(16);
  const firsts = new Uint16Array(16);
  let left = 1;
  let longest = 0;
  for (let length = 1; length < 16; length++) {
    left = left * 2 - counts[length];
    if (left < 0) throw new Faulty();
    if (counts[length]) longest = length;
    if (length < 15) {
      starts[length + 1] = starts[length] + counts[length];
      firsts[length + 1] = (firsts[length] + counts[length]) << 1;
    }
  }
  if (left > 0 && unused < lengths.length && !(mayLack && longest === 1)) throw new Faulty();
  const symbols = new Uint16Array(lengths.length);
  const fast = new Uint16Array(1 << FAST_BITS);
  lengths.forEach((length, symbol) => {
    if (!length) return;
    symbols[starts[length]++] = symbol;
    const code = firsts[length]++;
    if (length > FAST_BITS) return;
    let reversed = 0;
    for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
    for (let place = reversed; place < fast.length; place += 1 << length) fast[place] = (symbol << 4) | length;
  });
  return { counts, symbols, fast };
}

const fixed = (() => {
  const lengths = new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);
  return { literals: makeCode(lengths, false), distances: makeCode(new Uint8Array(32).fill(5), false) };
})();

class Stream {
  /** @param {Uint8Array} data @param {number} at @param {number} limit */
  constructor(data, at, limit) {
    this.data = data;
    this.at = at;
    this.limit = limit;
    this.held = 0;
    this.bits = 0;
    this.out = new Uint8Array(Math.min(limit, Math.max(1024, 4 * (data.length - at))));
    this.size = 0;
  }

  /** The next bits, lowest first. @param {number} count at most 16 */
  take(count) {
    while (this.bits < count) {
      if (this.at >= this.data.length) throw new Faulty();
      this.held |= /** @type {number} */ (this.data[this.at++]) << this.bits;
      this.bits += 8;
    }
    const value = this.held & ((1 << count) - 1);
    this.held >>>= count;
    this.bits -= count;
    return value;
  }

  /** @param {Code} code */
  symbol(code) {
    while (this.bits < 15 && this.at < this.data.length) {
      this.held |= /** @type {number} */ (this.data[this.at++]) << this.bits;
      this.bits += 8;
    }
    const entry = /** @type {number} */ (code.fast[this.held & ((1 << FAST_BITS) - 1)]);
    const length = entry & 15;
    if (length && length <= this.bits) {
      this.held >>>= length;
      this.bits -= length;
      return entry >> 4;
    }
    return this.slowSymbol(code);
  }

  /** @param {Code} code */
  slowSymbol({ counts, symbols }) {
    let found = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length < 16; length++) {
      found |= this.take(1);
      const count = /** @type {number} */ (counts[length]);
      if (found - count < first) return /** @type {number} */ (symbols[index + found - first]);
      index += count;
      first = (first + count) << 1;
      found <<= 1;
    }
    throw new Faulty();
  }

  /** @param {number} more bytes that are about to be written */
  reserve(more) {
    const needed = this.size + more;
    if (needed > this.limit) throw new TooLarge();
    if (needed <= this.out.length) return;
    const grown = new Uint8Array(Math.min(this.limit, Math.max(needed, 2 * this.out.length)));
    grown.set(this.out);
    this.out = grown;
  }

  /** Gives unread whole bytes back. */
  align() {
    this.at -= this.bits >> 3;
    this.held = 0;
    this.bits = 0;
  }

  run() {
    let isLast = false;
    while (!isLast) {
      isLast = this.take(1) === 1;
      const kind = this.take(2);
      if (kind === 0) this.stored();
      else if (kind === 1) this.packed(fixed);
      else if (kind === 2) this.packed(this.codes());
      else throw new Faulty();
    }
    this.align();
    return this.out.subarray(0, this.size);
  }

  stored() {
    this.align();
    const length = this.take(16);
    if (this.take(16) !== (~length & 0xffff)) throw new Faulty();
    this.align();
    if (this.at + length > this.data.length) throw new Faulty();
    this.reserve(length);
    this.out.set(this.data.subarray(this.at, this.at + length), this.size);
    this.at += length;
    this.size += length;
  }

  codes() {
    const literals = this.take(5) + 257;
    const distances = this.take(5) + 1;
    const listed = this.take(4) + 4;
    if (literals > 286 || distances > 30) throw new Faulty();
    const own = new Uint8Array(19);
    for (const place of CODE_ORDER.slice(0, listed)) own[place] = this.take(3);
    const code = makeCode(own, false);
    const lengths = new Uint8Array(literals + distances);
    for (let at = 0; at < lengths.length;) {
      const symbol = this.symbol(code);
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      if (symbol === 16 && at === 0) throw new Faulty();
      const value = symbol === 16 ? /** @type {number} */ (lengths[at - 1]) : 0;
      const times = symbol === 16 ? this.take(2) + 3 : symbol === 17 ? this.take(3) + 3 : this.take(7) + 11;
      if (at + times > lengths.length) throw new Faulty();
      lengths.fill(value, at, at + times);
      at += times;
    }
    if (!lengths[256]) throw new Faulty();
    return {
      literals: makeCode(lengths.subarray(0, literals), true),
      distances: makeCode(lengths.subarray(literals), true),
    };
  }

  /** @param {{ literals: Code, distances: Code }} codes */
  packed({ literals, distances }) {
    for (;;) {
      const symbol = this.symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        if (this.size >= this.out.length) this.reserve(1);
        this.out[this.size++] = symbol;
        continue;
      }
      const length = LENGTH_BASE[symbol - 257];
      if (length === undefined) throw new Faulty();
      const size = length + this.take(/** @type {number} */ (LENGTH_EXTRA[symbol - 257]));
      const place = this.symbol(distances);
      const distance = DISTANCE_BASE[place];
      if (distance === undefined) throw new Faulty();
      const back = distance + this.take(/** @type {number} */ (DISTANCE_EXTRA[place]));
      if (back > this.size) throw new Faulty();
      this.reserve(size);
      for (let copied = 0; copied < size; copied++, this.size++) {
        this.out[this.size] = /** @type {number} */ (this.out[this.size - back]);
      }
    }
  }
}

const CRC = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** @param {Uint8Array} data */
function crc32(data) {
  let found = 0xffffffff;
  for (const byte of data) found = /** @type {number} */ (CRC[(found ^ byte) & 0xff]) ^ (found >>> 8);
  return (found ^ 0xffffffff) >>> 0;
}

/** @param {Uint8Array} data */
function adler32(data) {
  let low = 1;
  let high = 0;
  for (let at = 0; at < data.length;) {
    // So many sums fit before they have to be reduced.
    const end = Math.min(at + 3800, data.length);
    for (; at < end; at++) high += low += /** @type {number} */ (data[at]);
    low %= 65521;
    high %= 65521;
  }
  return ((high << 16) | low) >>> 0;
}

/** @param {Uint8Array} data @returns {number} where the packed data begins */
function passGzipHead(data) {
  if (data.length < 10 || data[0] !== 0x1f || data[1] !== 0x8b || data[2] !== 8) throw new Faulty();
  const flags = /** @type {number} */ (data[3]);
  if (flags & GZIP_FLAGS.reserved) throw new Faulty();
  let at = 10;
  if (flags & GZIP_FLAGS.extra) at += 2 + (data[at] ?? 0) + (data[at + 1] ?? 0) * 256;
  for (const flag of [GZIP_FLAGS.name, GZIP_FLAGS.comment]) {
    if (!(flags & flag)) continue;
    const end = data.indexOf(0, at);
    if (end < 0) throw new Faulty();
    at = end + 1;
  }
  if (flags & GZIP_FLAGS.headCrc) {
    const found = (data[at] ?? 0) + (data[at + 1] ?? 0) * 256;
    if (found !== (crc32(data.subarray(0, at)) & 0xffff)) throw new Faulty();
    at += 2;
  }
  return at;
}

/** @param {Uint8Array} data */
function passZlibHead(data) {
  const [head = 0, flags = 0] = data;
  if (data.length < 2 || (head & 15) !== 8 || head >> 4 > 7 || (head * 256 + flags) % 31 || flags & 32)
    throw new Faulty();
  return 2;
}

/**
 * One whole stream and nothing after it.
 *
 * @param {Uint8Array} data
 * @param {"gzip" | "zlib"} form
 * @param {number} limit bytes, unpacked
 * @returns {Uint8Array | "malformed" | "too large"}
 */
export function inflate(data, form, limit) {
  try {
    const stream = new Stream(data, form === "gzip" ? passGzipHead(data) : passZlibHead(data), limit);
    const found = stream.run();
    const end = new DataView(data.buffer, data.byteOffset + stream.at, data.length - stream.at);
    const isWhole =
      form === "gzip"
        ? end.byteLength === 8 && end.getUint32(0, true) === crc32(found) && end.getUint32(4, true) === found.length
        : end.byteLength === 4 && end.getUint32(0) === adler32(found);
    return isWhole ? found : "malformed";
  } catch (error) {
    return error instanceof TooLarge ? "too large" : "malformed";
  }
}
