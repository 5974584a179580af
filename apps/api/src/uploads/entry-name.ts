import { extname } from 'node:path';
import { inBytes } from '../http/in-bytes.js';
import { problemOfPublicPath } from '../storage/public-path.js';
import { tooLarge } from './upload-limits.js';

const endings = (list: string): ReadonlySet<string> => new Set(list.split(' ').map((ending) => `.${ending}`));

/** Pictures, captions and rows: all that a dataset is made of. */
const USED = endings('png jpg jpeg webp txt csv jsonl');
/** Files that can run code when somebody loads them. */
const CHECKPOINTS = endings('pt pth ckpt bin pkl pickle');
const PROGRAMS = endings('exe dll so dylib com msi scr bat cmd ps1 sh vbs jar apk deb rpm elf lnk');
const ARCHIVES = endings('zip tar tgz gz bz2 tbz2 xz txz zst 7z rar lz4 cab iso');

const MAX_DEPTH = 16;

/** What a name in an upload or archive means. */
export type EntryName =
  /** Where to keep it, relative to the dataset's folder; with `skip`, why it is left out instead. */
  { path: string; skip?: string; isHidden?: true } | { refusal: string };

/**
 * Pure: a name as a client or an archive wrote it → where it goes. Composed and decomposed letters become the same ones
 * and a leading `./` is dropped; whatever could lead elsewhere, or mean two things to two programs, is refused.
 */
export function readEntryName(given: string, maxBytes: number): EntryName {
  const path = given.normalize('NFC').replace(/^(\.\/)+/, '');
  const refusal = problemOfName(path, maxBytes);
  if (refusal !== undefined) return { refusal };
  const isHidden = path.split('/').some((segment) => segment.startsWith('.') || segment === '__MACOSX');
  return isHidden ? { path, isHidden, skip: 'A hidden file.' } : byEnding(path);
}

/** What is wrong with the name of a file or folder, whatever it may hold; undefined when nothing is. */
export function problemOfName(path: string, maxBytes: number): string | undefined {
  if (path === '') return 'Must have a name.';
  if (Buffer.byteLength(path) > maxBytes) return `The name may have at most ${maxBytes} bytes.`;
  if (/^([/\\]|[A-Za-z]:)/.test(path)) return 'Absolute names are not allowed.';
  const segments = path.split('/');
  if (segments.length > MAX_DEPTH) return `May lie at most ${MAX_DEPTH} folders deep.`;
  if (segments.some((segment) => segment === '..' || segment === '.'))
    return 'Must not lead elsewhere: "." and ".." are not allowed.';
  // Names that begin with a dot are skipped rather than refused, but must be names all the same.
  return problemOfPublicPath(`data/${segments.map((segment) => segment.replace(/^\.+/, '_')).join('/')}`);
}

function byEnding(path: string): EntryName {
  const ending = extname(path).toLowerCase();
  if (CHECKPOINTS.has(ending))
    return { refusal: `Files that end in ${ending} can run code when they are loaded; they are not taken in.` };
  if (PROGRAMS.has(ending)) return { refusal: 'Programs are not taken in.' };
  if (ARCHIVES.has(ending))
    return { refusal: 'An archive must stand alone, not beside other files or within an archive.' };
  return USED.has(ending) ? { path } : { path, skip: 'Neither a picture nor a .txt, .csv or .jsonl file.' };
}

/** What the names of one upload may come to, with those of their folders: so much is kept in memory until its end. */
export const MAX_NAMES_BYTES = 16 * 1024 * 1024;

/**
 * The names of one upload. No two may be the same on any file system: case and the ways to write a letter do not count,
 * and a file cannot also be a folder.
 */
export class EntryNames {
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();
  private bytes = 0;

  /** @param maxFolders how many folders the files may lie in */
  constructor(private readonly maxFolders: number) {}

  /**
   * @returns what is wrong; undefined when the name was free, which it is then no longer
   * @throws AppError `upload_too_large`
   */
  take(path: string): string | undefined {
    const name = fold(path);
    const parents = this.newParentsOf(name);
    if (this.files.has(name) || this.folders.has(name) || parents.some((parent) => this.files.has(parent)))
      return 'Another file has this name, or one that differs only in case or in how its letters are written.';
    this.keep(this.files, name);
    for (const parent of parents) this.keep(this.folders, parent);
    if (this.folders.size > this.maxFolders) throw tooLarge('it may have', `${this.maxFolders} folders`);
    return undefined;
  }

  private keep(names: Set<string>, name: string): void {
    this.bytes += Buffer.byteLength(name);
    if (this.bytes > MAX_NAMES_BYTES) throw tooLarge('its names may have', inBytes(MAX_NAMES_BYTES));
    names.add(name);
  }

  /** The folders above a file, up to one that is known: with it all above it are. */
  private newParentsOf(name: string): string[] {
    const parents: string[] = [];
    for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
      const parent = name.slice(0, end);
      if (this.folders.has(parent)) break;
      parents.push(parent);
    }
    return parents;
  }
}

/** Upper case first: it joins letters that lower case keeps apart, such as ß and SS. */
const fold = (path: string): string => path.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
