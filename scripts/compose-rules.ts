/** The rules of this project for docker-compose.yml, beyond what the compose specification asks. */

export interface Service {
  image?: string;
  build?: { dockerfile?: string; target?: string };
  user?: string;
  restart?: string;
  privileged?: boolean;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  healthcheck?: { test?: unknown; disable?: boolean };
  logging?: { options?: Record<string, string> };
  environment?: Record<string, string | null>;
  depends_on?: Record<string, { condition: string }>;
}

export interface ComposeFile {
  services: Record<string, Service>;
  networks?: Record<string, unknown>;
  volumes?: Record<string, unknown>;
}

const SECRET_NAME = /PASSWORD|SECRET|TOKEN|(^|_)(KEY|AUTH)$/;
const REQUIRED_VARIABLE = /^\$\{\w+:\?[^}]+\}$/;
const CREDENTIALS = /:\/\/[^:@/]*:(.*)@[^@]*$/;

/** What breaks a rule, one line each; empty for a file that keeps them all. */
export function problemsOf(file: ComposeFile): string[] {
  const services = Object.entries(file.services);
  return [
    ...services.flatMap(([name, service]) => problemsOfService(service, file).map((problem) => `${name}: ${problem}`)),
    ...unused(
      'volume',
      file.volumes,
      services.flatMap(([, service]) => service.volumes?.map(sourceOf) ?? []),
    ),
    ...unused(
      'network',
      file.networks,
      services.flatMap(([, service]) => service.networks ?? []),
    ),
  ];
}

/** Dependents wait until it has ended well. */
export const isOneShot = (name: string, { services }: ComposeFile): boolean =>
  Object.values(services).some(({ depends_on }) => depends_on?.[name]?.condition === 'service_completed_successfully');

function problemsOfService(service: Service, file: ComposeFile): string[] {
  const name = Object.keys(file.services).find((key) => file.services[key] === service) ?? '';
  const oneShot = isOneShot(name, file);
  const checks: [boolean, string][] = [
    [oneShot || hasHealthcheck(service), 'has no healthcheck and is no one-shot that others wait for'],
    [service.restart === (oneShot ? 'no' : 'unless-stopped'), `restart must be "${oneShot ? 'no' : 'unless-stopped'}"`],
    [
      /:[\w.-]+$/.test(service.image ?? '') && !/:latest$/.test(service.image ?? ''),
      'the image needs a tag other than latest',
    ],
    [service.build !== undefined || service.user !== undefined, 'must say which user it runs as, not root'],
    [service.user !== 'root' && service.user?.split(':')[0] !== '0', 'must not run as root'],
    [service.privileged !== true, 'must not be privileged'],
    [service.read_only === true, 'must have a read-only root file system'],
    [service.cap_drop?.includes('ALL') === true, 'must drop all capabilities'],
    [service.security_opt?.includes('no-new-privileges:true') === true, 'must not gain privileges'],
    [service.logging?.options?.['max-size'] !== undefined, 'must rotate its log'],
    [(service.networks?.length ?? 0) > 0, 'must name its networks'],
  ];
  return [
    ...checks.filter(([holds]) => !holds).map(([, problem]) => problem),
    ...secretProblems(service),
    ...waitProblems(service, file),
    ...(service.ports ?? [])
      .filter((port) => port.split(':').length < 3)
      .map((port) => `port ${port} must name its address`),
  ];
}

const hasHealthcheck = ({ healthcheck }: Service): boolean =>
  healthcheck?.test !== undefined && healthcheck.disable !== true;

/** A secret comes from outside, and the start fails with a sentence where it is missing. */
function secretProblems({ environment = {} }: Service): string[] {
  const secrets = Object.entries(environment).flatMap(([name, value]): [string, string][] => {
    if (SECRET_NAME.test(name)) return [[name, value ?? '']];
    const password = CREDENTIALS.exec(value ?? '')?.[1];
    return password === undefined ? [] : [[name, password]];
  });
  return secrets
    .filter(([, value]) => !REQUIRED_VARIABLE.test(value))
    .map(([name]) => `the secret in ${name} must be \${NAME:?what to do}`);
}

function waitProblems({ depends_on = {} }: Service, { services }: ComposeFile): string[] {
  return Object.entries(depends_on).flatMap(([name, { condition }]) => {
    const other = services[name];
    if (!other) return [`waits for ${name}, which does not exist`];
    if (condition === 'service_started') return [`must wait until ${name} is healthy, not just started`];
    return condition === 'service_healthy' && !hasHealthcheck(other)
      ? [`waits for the health of ${name}, which has no healthcheck`]
      : [];
  });
}

/** What a mount takes: the name of a volume, in `${NAME:-default}` the default. */
const sourceOf = (mount: string): string =>
  /^(?:\$\{\w+:-([^}]*)\}|([^:]*)):/.exec(mount)?.slice(1).find(Boolean) ?? mount;

const unused = (kind: string, declared: Record<string, unknown> = {}, used: string[]): string[] => [
  ...Object.keys(declared)
    .filter((name) => !used.includes(name))
    .map((name) => `the ${kind} ${name} is not used`),
  ...[...new Set(used)].filter((name) => !(name in declared)).map((name) => `the ${kind} ${name} is not declared`),
];

/** Variables that the file takes from its environment. */
export const variablesOf = (text: string): string[] => [
  ...new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name)),
];

/** What is wrong with a Dockerfile; `target` is the stage that runs. */
export function problemsOfDockerfile(
  text: string,
  { target, isOneShot: oneShot }: { target?: string; isOneShot: boolean },
): string[] {
  const stages = text.split(/^FROM /m).slice(1);
  const stage = target
    ? stages.find((candidate) => candidate.split('\n')[0]?.endsWith(` AS ${target}`))
    : stages.at(-1);
  if (!stage) return [`has no stage ${target}`];
  const user = stage
    .match(/^USER (\S+)/gm)
    ?.at(-1)
    ?.split(' ')[1];
  const checks: [boolean, string][] = [
    [stages.length > 1, 'must build in a stage of its own'],
    [user !== undefined && user !== 'root' && user !== '0', `stage ${target ?? 'last'} must not run as root`],
    [oneShot || /^HEALTHCHECK /m.test(stage), `stage ${target ?? 'last'} has no HEALTHCHECK`],
    [/^CMD \[/m.test(stage), `stage ${target ?? 'last'} must name its program as a list`],
    [!/:latest\b/.test(text), 'must not use the tag latest'],
    [/pnpm install --frozen-lockfile/.test(text), 'must install what the lockfile says'],
  ];
  return checks.filter(([holds]) => !holds).map(([, problem]) => problem);
}
