import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, hasCode } from './error-code.js';
import { faceOf } from './face.js';
import { fromError } from './problem.js';

/**
 * Errors of every face, in the words of the face that the request speaks: domain errors by their code, anything
 * unforeseen as `internal` with a request id.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const error = toAppError(thrown, request);
    if (error.status >= 500) this.logger.error({ err: thrown, requestId: request.id }, error.code);
    sendProblem(error, request, http.getResponse<FastifyReply>());
  }
}

/** Answers requests that the router gives up on before any route is found: a path that is no text, or too long. */
export function sendRouterError(thrown: Error, request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('x-request-id', request.id);
  sendProblem(notFound(thrown, request), request, reply);
}

/** Answers with an error in the format of the request's face, unless the request has its answer. */
export function sendProblem(error: AppError, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent) return;
  const requestId = String(request.id);
  // No route took the request, but the path may be one of a face, with another method.
  const face = request.is404 ? request.server.faceAt(pathOf(request)) : faceOf(request);
  const body = face
    ? face.fromError(error, { requestId, route: routeOf(request) })
    : fromError(error, { path: pathOf(request), requestId });
  const status = face?.statusOf?.(error) ?? error.status;
  if (error.code === 'range_not_satisfiable')
    void reply.header('content-range', `bytes */${String(error.details['sizeBytes'])}`);
  if (error.code === 'method_not_allowed') void reply.header('allow', String(error.details['allowed']));
  if (error.code.startsWith('credentials_'))
    void reply.header('www-authenticate', 'Bearer realm="InfluencerAI Training"');
  if (status === 429 || status === 503) void reply.header('retry-after', String(error.details.retryAfterS ?? 1));
  const type = face ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8';
  void reply.status(status).type(type).send(JSON.stringify(body));
}

const routeOf = ({ method, is404, routeOptions }: FastifyRequest): string | undefined =>
  is404 ? undefined : `${method} ${routeOptions.url}`;

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

const notFound = (cause: unknown, request: FastifyRequest): AppError =>
  new AppError('route_not_found', { method: request.method, path: pathOf(request) }, { cause });

/** The path may have other methods than the one that was used. */
function noRoute(cause: unknown, request: FastifyRequest): AppError {
  const path = pathOf(request);
  const allowed = request.server.methodsOf(path);
  // The route of Swagger UI takes every path below its own, and has few of them.
  if (allowed.length === 0 || allowed.includes(request.method)) return notFound(cause, request);
  return new AppError('method_not_allowed', { method: request.method, path, allowed: allowed.join(', ') }, { cause });
}

/** Puts errors of the framework into the catalogue's words. */
function toAppError(thrown: unknown, request: FastifyRequest): AppError {
  if (thrown instanceof AppError) return thrown;
  if (hasCode(thrown, 'ENOSPC', 'EDQUOT')) return new AppError('storage_full', {}, { cause: thrown });
  if (isUnavailable(thrown)) return new AppError('service_unavailable', {}, { cause: thrown });
  const status = statusOf(thrown);
  if (status === 404 || request.is404) return noRoute(thrown, request);
  if (status === 413)
    return new AppError('body_too_large', { limit: `${request.routeOptions.bodyLimit} bytes` }, { cause: thrown });
  if (status === 415) {
    const contentType = request.headers['content-type'] ?? 'none';
    return new AppError('media_type_unsupported', { contentType, expected: 'application/json' }, { cause: thrown });
  }
  if (status >= 400 && status < 500) return new AppError('body_malformed', {}, { cause: thrown });
  return new AppError('internal', { requestId: request.id }, { cause: thrown });
}

/** PostgreSQL is away, starting up, shutting down or too busy; the caller may try again. */
const isUnavailable = (thrown: unknown): boolean =>
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|57P0[1-3]|08\w{3}|P1001|P1002|P1017|P2024|P2028)$/.test(codeOf(thrown)) ||
  isPoolTimeout(thrown);

/** pg gives no code to the error that says that no connection became free in time. */
const isPoolTimeout = (thrown: unknown): boolean =>
  thrown instanceof Error && thrown.message.includes('timeout exceeded when trying to connect');

function statusOf(thrown: unknown): number {
  if (thrown instanceof HttpException) return thrown.getStatus();
  if (typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown && typeof thrown.statusCode === 'number')
    return thrown.statusCode;
  return 500;
}
