import { type AppError, type ErrorBody, type FieldIssue } from '@influencerai/shared';

/** Renders a domain error as the native face does: the contract's members beside those of RFC 9457. */
export function fromError(error: AppError, request: { path: string; requestId: string }): ErrorBody {
  const { issues } = error.details;
  return {
    statusCode: error.status,
    message: error.message,
    ...(issues && { errors: fieldErrors(issues) }),
    code: error.code,
    type: `/docs/errors#${error.code}`,
    title: titleOf(error.code),
    status: error.status,
    detail: issues
      ? issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ')
      : error.message,
    instance: request.path,
    ...(error.status >= 500 && { requestId: request.requestId }),
  };
}

function fieldErrors(issues: readonly FieldIssue[]): ErrorBody['errors'] {
  const byField = new Map<string, string[]>();
  for (const { path, message } of issues) {
    const field = path.join('.') || 'body';
    byField.set(field, [...(byField.get(field) ?? []), message]);
  }
  return {
    fieldErrors: Object.fromEntries(byField),
    issues: issues.map(({ path, message }) => ({ pointer: toPointer(path), message })),
  };
}

/** JSON pointer of a path (RFC 6901). */
const toPointer = (path: FieldIssue['path']): string =>
  path.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const titleOf = (code: string): string => {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};
