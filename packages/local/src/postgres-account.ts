import { chown, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

export interface Account {
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root. Root therefore starts it as `postgres` where that account exists, else as `nobody`;
 * no account is created. Anybody else runs it as himself (undefined).
 */
export const serverAccount = async (): Promise<Account | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile('/etc/passwd', 'utf8');
  const rows = passwd.split('\n').map((line) => line.split(':'));
  const row = rows.find(([name]) => name === 'postgres') ?? rows.find(([name]) => name === 'nobody');
  return row ? { uid: Number(row[2]), gid: Number(row[3]) } : { uid: 65534, gid: 65534 };
};

/** Gives a path to the account that runs the server. */
export const giveTo = async (account: Account | undefined, file: string): Promise<void> => {
  if (account) await chown(file, account.uid, account.gid);
};

const isReachable = async (folder: string): Promise<boolean> => {
  for (let at = folder; ; at = path.dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
};

export interface Launch {
  command: string;
  args: string[];
  account?: Account;
}

/**
 * How to run a server program as that account. A checkout below a private folder (/root, as in most containers) is out of
 * the account's reach: there `setpriv` keeps the one capability that opens it. The secure bit matters because
 * PostgreSQL looks for itself with access(2), which ignores capabilities of other users than root without it.
 */
export const launchAs = async (
  account: Account | undefined,
  { command, args, folders }: { command: string; args: string[]; folders: string[] },
): Promise<Launch> => {
  if (!account) return { command, args };
  const reachable = await Promise.all(folders.map(isReachable));
  if (reachable.every(Boolean) || process.platform !== 'linux') return { command, args, account };
  const as = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const keep = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup'];
  return { command: 'setpriv', args: [...as, ...keep, '--', command, ...args] };
};
