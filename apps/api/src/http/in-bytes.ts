const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `20 GiB`, `1.5 MiB`, `17 bytes`. */
export function inBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${UNITS[power]}`;
}
