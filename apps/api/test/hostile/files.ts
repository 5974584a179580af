import { crc32, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { picture } from '../dataset-files.js';

/** A dataset with this one file in it, and the reason that its problems must give for not using it. */
export interface HostileFile {
  name: string;
  kind: 'lora-training' | 'fine-tuning';
  file: string;
  content: () => Buffer | string | Promise<Buffer | string>;
  reason: RegExp;
}

const NO_PICTURE = /no PNG, JPEG or WebP picture/;
const SVG_HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">';

/** A PNG whose header promises more than its data holds. */
async function promising(width: number, height: number): Promise<Buffer> {
  const content = Buffer.from(await picture(1));
  content.writeUInt32BE(width, 16);
  content.writeUInt32BE(height, 20);
  content.writeUInt32BE(crc32(content.subarray(12, 29)), 29);
  return content;
}

const halfOf = (content: Buffer): Buffer => content.subarray(0, content.length / 2);

const frames = (count: number) =>
  sharp(
    Buffer.alloc(16 * 16 * count * 3, 7).map((_, i) => (i * 31) % 251),
    {
      raw: { width: 16, height: 16 * count, channels: 3, pageHeight: 16 },
    },
  );

const pictures: Omit<HostileFile, 'kind'>[] = [
  {
    name: 'SVG with script',
    file: 'a.png',
    content: () => `${SVG_HEAD}<script>alert(1)</script></svg>`,
    reason: NO_PICTURE,
  },
  {
    name: 'SVG that reads files',
    file: 'a.jpg',
    content: () => `${SVG_HEAD}<image href="file:///etc/passwd"/></svg>`,
    reason: NO_PICTURE,
  },
  {
    name: 'XML that reads files',
    file: 'a.png',
    content: () => '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    reason: NO_PICTURE,
  },
  { name: 'PostScript', file: 'a.png', content: () => '%!PS\n(/etc/passwd) (r) file', reason: NO_PICTURE },
  { name: 'PDF', file: 'a.jpg', content: () => '%PDF-1.7\n', reason: NO_PICTURE },
  {
    name: 'MVG',
    file: 'a.png',
    content: () => "push graphic-context\nfill 'url(https://evil.example/)'",
    reason: NO_PICTURE,
  },
  { name: 'a program', file: 'a.png', content: () => Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), reason: NO_PICTURE },
  { name: 'a ZIP', file: 'a.png', content: () => Buffer.from('PK\x03\x04\0\0\0\0', 'latin1'), reason: NO_PICTURE },
  {
    name: 'a pickle',
    file: 'a.png',
    content: () => Buffer.from('\x80\x04cos\nsystem\n(S"id"\ntR.', 'latin1'),
    reason: NO_PICTURE,
  },
  { name: 'a compressed picture', file: 'a.png', content: async () => gzipSync(await picture(1)), reason: NO_PICTURE },
  { name: 'an animation called PNG', file: 'a.png', content: () => picture(1, { format: 'gif' }), reason: NO_PICTURE },
  {
    name: 'an animation',
    file: 'a.webp',
    content: () =>
      frames(4)
        .webp({ loop: 0, delay: [50, 50, 50, 50] })
        .toBuffer(),
    reason: /animated/,
  },
  { name: 'nothing', file: 'a.png', content: () => '', reason: /empty/ },
  {
    name: 'a signature alone',
    file: 'a.png',
    content: async () => (await picture(1)).subarray(0, 8),
    reason: /Cannot be used/,
  },
  {
    name: 'half a picture',
    file: 'a.jpg',
    content: async () => halfOf(await picture(1, { format: 'jpeg', width: 400 })),
    reason: /Cannot be used/,
  },
  {
    name: 'a picture with another at its end cut',
    file: 'a.webp',
    content: async () => (await picture(1, { format: 'webp' })).subarray(0, 60),
    reason: /Cannot be used/,
  },
  {
    name: 'four billion pixels a side',
    file: 'a.png',
    content: () => promising(0x7fffffff, 0x7fffffff),
    reason: /pixels|Cannot be used/,
  },
  {
    name: '100 million pixels and one row',
    file: 'a.png',
    content: () => promising(10_000, 10_001),
    reason: /more than 100 million/,
  },
  { name: 'no pixels', file: 'a.png', content: () => promising(0, 0), reason: /Cannot be used/ },
  {
    name: 'noise behind a signature',
    file: 'a.png',
    content: async () => Buffer.concat([(await picture(1)).subarray(0, 33), Buffer.alloc(4096, 0xa5)]),
    reason: /Cannot be used/,
  },
];

const rows: Omit<HostileFile, 'kind'>[] = [
  { name: 'rows that are no JSON', file: 'a.jsonl', content: () => '{"text":\n', reason: /not valid JSON/ },
  {
    name: 'rows that are no objects',
    file: 'a.jsonl',
    content: () => '[1]\n"text"\nnull\n',
    reason: /not a JSON object/,
  },
  {
    name: 'a row of 2 MiB',
    file: 'a.jsonl',
    content: () => `{"text":"${'x'.repeat(2 << 20)}"}\n`,
    reason: /longer than 1 MiB/,
  },
  {
    name: 'rows that are no UTF-8',
    file: 'a.jsonl',
    content: () => Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
    reason: /not valid UTF-8/,
  },
  {
    name: 'a table that is no UTF-8',
    file: 'a.csv',
    content: () => Buffer.from([0x61, 0x0a, 0xff, 0x0a]),
    reason: /not valid UTF-8/,
  },
  { name: 'a table whose quotes never end', file: 'a.csv', content: () => 'a,b\n1,"2\n3,4\n', reason: /quot|no row/i },
  {
    name: 'a table with ragged rows',
    file: 'a.csv',
    content: () => 'a,b\n1,2,3,4\n',
    reason: /4 fields, the header has 2/,
  },
  {
    name: 'a pickle called rows',
    file: 'a.jsonl',
    content: () => Buffer.from('\x80\x04cos\nsystem\n', 'latin1'),
    reason: /not valid/,
  },
  {
    name: 'a checkpoint',
    file: 'model.ckpt',
    content: () => Buffer.from('\x80\x02}q\0.', 'latin1'),
    reason: /Ignored/,
  },
];

export const HOSTILE_FILES: HostileFile[] = [
  ...pictures.map((file) => ({ ...file, kind: 'lora-training' as const })),
  ...rows.map((file) => ({ ...file, kind: 'fine-tuning' as const })),
];
