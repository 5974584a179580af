import type { FastifyInstance } from 'fastify';
import type { Face } from './face.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods that a path has, for the `Allow` header of 405 answers; none when there is no such path. */
    methodsOf(path: string): string[];
    /** The face that a path belongs to, whatever the method. */
    faceAt(path: string): Face | undefined;
  }
}

/** Collects the routes as they are added; call it before the first of them. */
export function collectRoutes(server: FastifyInstance): void {
  const methodsByPattern = new Map<string, Set<string>>();
  const faceByPattern = new Map<string, Face>();
  server.addHook('onRoute', ({ url, method, config }) => {
    if (config?.face) faceByPattern.set(url, config.face);
    const methods = methodsByPattern.get(url) ?? new Set();
    [method].flat().forEach((name) => methods.add(name));
    methodsByPattern.set(url, methods);
  });
  server.decorate('faceAt', (path) => [...faceByPattern].find(([pattern]) => matches(pattern, path))?.[1]);
  server.decorate('methodsOf', (path) => {
    const found = [...methodsByPattern].filter(([pattern]) => matches(pattern, path));
    // A pattern for everything below a path, as that of Swagger UI's files, gives way to the route itself.
    const exact = found.filter(([pattern]) => !pattern.endsWith('*'));
    return [...new Set((exact.length > 0 ? exact : found).flatMap(([, methods]) => [...methods]))].sort();
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
