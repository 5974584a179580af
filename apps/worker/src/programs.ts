import { access } from 'node:fs/promises';

/** Where the programs lie that plans name symbolically. */
export interface Programs {
  /** File and leading arguments that start the program, or undefined when it is not on this host. */
  find(name: string): Promise<[file: string, ...args: string[]] | undefined>;
}

/** The programs of this host. */
export const hostPrograms = ({ tinyProgram }: { tinyProgram?: string }): Programs => ({
  find: async (name) => {
    if (name !== 'tiny') return undefined;
    const main = tinyProgram ?? (await import('@influencerai/tiny')).TINY_PROGRAM;
    return (await isReadable(main)) ? [process.execPath, main] : undefined;
  },
});

const isReadable = async (file: string): Promise<boolean> => {
  try {
    await access(file);
    return true;
  } catch {
    // Whatever keeps it from being read, it cannot be started.
    return false;
  }
};
