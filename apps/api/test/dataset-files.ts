import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** A real picture of one colour; the shade makes its bytes differ from others. */
export const picture = (
  shade: number,
  { format = 'png', width = 64, height = 48 }: PictureOptions = {},
): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: shade, g: 100, b: 150 } } })
    .toFormat(format)
    .toBuffer();

interface PictureOptions {
  format?: 'png' | 'jpeg' | 'webp' | 'gif';
  width?: number;
  height?: number;
}

/** Writes files below a folder; their folders are made. */
export async function writeFiles(folder: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}
