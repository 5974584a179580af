/** How many bytes {@link problemOfContent} looks at. */
export const HEAD_BYTES = 8;

const PICKLE = 'Holds a pickle, which can run code when it is loaded.';
const ARCHIVE = 'Holds an archive, or a checkpoint made of one.';
const PROGRAM = 'Holds a program.';

/** First bytes, in hexadecimal. Neither pictures nor text in UTF-8 begin like any of these but the last. */
const STARTS: [start: string, problem: string][] = [
  // Protocols 2 to 5; those before are plain ASCII.
  ['8002', PICKLE],
  ['8003', PICKLE],
  ['8004', PICKLE],
  ['8005', PICKLE],
  ['504b0304', ARCHIVE], // zip
  ['504b0506', ARCHIVE], // zip without entries
  ['1f8b08', ARCHIVE], // gzip
  ['425a6839', ARCHIVE], // bzip2
  ['fd377a585a00', ARCHIVE], // xz
  ['28b52ffd', ARCHIVE], // zstd
  ['377abcaf271c', ARCHIVE], // 7z
  ['526172211a07', ARCHIVE], // rar
  ['7f454c46', PROGRAM], // Linux
  ['4d5a9000', PROGRAM], // Windows
  ['feedface', PROGRAM], // macOS
  ['feedfacf', PROGRAM],
  ['cefaedfe', PROGRAM],
  ['cffaedfe', PROGRAM],
  ['cafebabe', PROGRAM], // Java and macOS
  ['23212f', PROGRAM], // a script, by `#!/`
];

/**
 * Pure: the first bytes of a file → why it is not taken in, whatever its name says. Whether pictures and text are what
 * they claim is for the inspection to find out.
 */
export function problemOfContent(head: Buffer): string | undefined {
  const hex = head.toString('hex');
  return STARTS.find(([start]) => hex.startsWith(start))?.[1];
}
