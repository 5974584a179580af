import { gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';

/** A file, or with `type` something else. */
export type TarEntry = Partial<Header> & { name: string; content?: string | Buffer };

export async function tarFile(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = '', ...header } of entries) archive.entry(header, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export const tarGzFile = async (entries: readonly TarEntry[]): Promise<Buffer> => gzipSync(await tarFile(entries));
