import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods that a path has, for the `Allow` header of 405 answers; none when there is no such path. */
    methodsOf(path: string): string[];
  }
}

/** Collects the routes as they are added; call it before the first of them. */
export function collectRoutes(server: FastifyInstance): void {
  const methodsByPattern = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByPattern.get(url) ?? new Set();
    [method].flat().forEach((name) => methods.add(name));
    methodsByPattern.set(url, methods);
  });
  server.decorate('methodsOf', (path) => {
    const found = [...methodsByPattern].filter(([pattern]) => matches(pattern, path));
    return [...new Set(found.flatMap(([, methods]) => [...methods]))].sort();
  });
}

/** Patterns as the router has them: `/jobs/:id/logs`. One for everything, `*`, is the rule for what has no route. */
function matches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === '/*') return false;
  const wanted = pattern.split('/');
  const given = path.replace(/(?<=.)\/$/, '').split('/');
  return (
    wanted.every((part, i) => part === '*' || (part.startsWith(':') ? given[i] : given[i] === part)) &&
    (wanted.at(-1) === '*' || wanted.length === given.length)
  );
}
