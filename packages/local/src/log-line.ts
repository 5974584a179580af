const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

interface Entry {
  level: number;
  time: number;
  msg?: string;
  err?: { message?: string };
  [field: string]: unknown;
}

const HIDDEN = new Set(['level', 'time', 'msg', 'err', 'pid', 'hostname', 'name', 'context', 'req', 'res']);

/** Nest tells every module and route at its start. */
const CHATTER = new Set(['NestFactory', 'InstanceLoader', 'RouterExplorer', 'RoutesResolver', 'NestApplication']);

export const isChatter = (line: string): boolean => {
  const entry = parse(line);
  return entry?.level === 30 && CHATTER.has(String(entry.context));
};

const parse = (line: string): Entry | undefined => {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
};

/** One line of a service's log for people: time, service, level where it matters, message, the other fields. */
export const formatLogLine = (name: string, line: string): string => {
  const entry = parse(line);
  if (!entry || typeof entry.level !== 'number') return `${name.padEnd(6)} ${line}`;
  const time = new Date(entry.time).toTimeString().slice(0, 8);
  const level = entry.level === 30 ? '' : `${LEVELS[entry.level] ?? entry.level} `;
  const reason = entry.err?.message ? ` (${entry.err.message})` : '';
  const fields = Object.entries(entry).filter(([key, value]) => !HIDDEN.has(key) && typeof value !== 'object');
  const rest = fields.map(([key, value]) => ` ${key}=${String(value)}`).join('');
  return `${time} ${name.padEnd(6)} ${level}${entry.msg ?? ''}${reason}${rest}`;
};
