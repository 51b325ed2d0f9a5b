/**
 * A zip of files as they are, without compression: a folder of notes becomes one body to send (APPNOTE.TXT 6.3.10, sections 4.3
 * and 4.4). For what this browser sends to its own server; no ZIP64.
 */

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
const UTF8 = 0x0800; // general purpose bit 11
const FIRST_DATE = 0x0021; // 1980-01-01: when a file was changed is nobody's business

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

export interface Member {
  name: string;
  content: Uint8Array<ArrayBuffer>;
}

export function zipped(members: readonly Member[]): Blob {
  const [parts, directory]: [BlobPart[], BlobPart[]] = [[], []];
  let at = 0;
  let directorySize = 0;
  for (const { name, content } of members) {
    const title = new TextEncoder().encode(name);
    // from "version needed" to "extra length", the same in both headers
    const shared = [16, VERSION, 16, UTF8, 16, 0, 16, 0, 16, FIRST_DATE, 32, crc32(content), 32, content.length, 32, content.length, 16, title.length, 16, 0];
    const local = fields([32, LOCAL, ...shared]);
    const central = fields([32, CENTRAL, 16, VERSION, ...shared, 16, 0, 16, 0, 16, 0, 32, 0, 32, at]);
    parts.push(local, title, content);
    directory.push(central, title);
    at += local.length + title.length + content.length;
    directorySize += central.length + title.length;
  }
  const end = fields([32, END, 16, 0, 16, 0, 16, members.length, 16, members.length, 32, directorySize, 32, at, 16, 0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** Pairs of bits and value, little-endian. */
function fields(pairs: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    const [bits = 0, value = 0] = [pairs[index], pairs[index + 1]];
    for (let shift = 0; shift < bits; shift += 8) bytes.push((value >>> shift) & 0xff);
  }
  return Uint8Array.from(bytes);
}
