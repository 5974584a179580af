const MAX_SEGMENT_BYTES = 255;

/**
 * What is wrong with a path as clients write it (`data/…`), or undefined. Looks at the text alone; whether links lead
 * elsewhere is for the storage to find out.
 */
export function problemOfPublicPath(path: string): string | undefined {
  if (!path.isWellFormed() || path.normalize('NFKC') !== path) {
    return 'Use plain characters: no full-width or composed look-alikes of dots, slashes or letters.';
  }
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(path)) return 'Control and invisible characters are not allowed.';
  if (path.includes('\\')) return 'Use "/" between folders, not "\\".';
  if (!path.startsWith('data/'))
    return 'Must start with "data/", the data folder of the project; absolute paths are not allowed.';
  return problemOfSegments(path.slice('data/'.length).replace(/\/$/, '').split('/'));
}

function problemOfSegments(segments: string[]): string | undefined {
  if (segments.includes('..')) return 'Must stay below "data/": ".." is not allowed.';
  if (segments.some((segment) => segment.trim() === '')) return 'Must name a file or folder between every two "/".';
  if (segments.some((segment) => segment.startsWith('.'))) return 'Names that start with "." are not allowed.';
  if (segments.some((segment) => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)) {
    return `Each name may have at most ${MAX_SEGMENT_BYTES} bytes.`;
  }
  return undefined;
}
