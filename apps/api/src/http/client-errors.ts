import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { AppError } from '@influencerai/shared';
import { codeOf } from './error-code.js';
import { fromError } from './problem.js';

/**
 * Answers what is no HTTP request, so that no route ever sees it: headers that are too large, take too long or are not
 * headers at all. The connection ends, since what follows on it cannot be told apart from the damage.
 */
export function answerClientError(error: Error, socket: Socket): void {
  if (codeOf(error) !== 'ECONNRESET' && socket.writable) socket.write(toAnswer(toAppError(error)));
  socket.destroy(error);
}

function toAppError(error: Error): AppError {
  if (codeOf(error) === 'ERR_HTTP_REQUEST_TIMEOUT') return new AppError('request_timed_out');
  if (codeOf(error) === 'HPE_HEADER_OVERFLOW') return new AppError('headers_too_large');
  return new AppError('request_malformed');
}

function toAnswer(error: AppError): string {
  const body = JSON.stringify(fromError(error, { path: '', requestId: '' }));
  return [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'x-content-type-options: nosniff',
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
