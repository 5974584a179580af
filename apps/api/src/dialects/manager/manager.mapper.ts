import type { AppError, Page, PageQuery as DomainPage } from '@influencerai/shared';
import type { ManagerError, PageOf, PageQuery } from './manager.schema.js';

/** `page` of `page_size` as the domain asks for it; what lies beyond all rows is empty there, too. */
export const toPage = ({ page, page_size }: PageQuery): DomainPage => ({
  take: page_size,
  skip: (page - 1) * page_size,
});

export const fromPage = <Domain, Wire>(
  { data, total, take, skip }: Page<Domain>,
  render: (item: Domain) => Wire,
): PageOf<Wire> => ({
  items: data.map(render),
  total,
  page: skip / take + 1,
  page_size: take,
  pages: Math.ceil(total / take),
});

/** Its clients know two kinds of mistakes: a request of the wrong form (422), and one that breaks a rule (400). */
export function statusOf({ code, status, details }: AppError): number {
  if (details.part !== undefined || code === 'body_malformed') return 422;
  return status === 409 || status === 422 ? 400 : status;
}

export function fromError({ code, message, details }: AppError): ManagerError {
  const { issues, part } = details;
  if (code === 'body_malformed') return { detail: [{ loc: ['body'], msg: message, type: 'json_invalid' }] };
  if (!issues) return { detail: message.replace(ID, '') };
  if (part === undefined) return { detail: [...new Set(issues.map(sentenceOf))].join('; ') };
  return { detail: issues.map(({ path, message }) => ({ loc: [part, ...path], msg: message, type: 'value_error' })) };
}

/** Its clients know no such ids, and the row that a sentence is about by their request. */
const ID = / [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

const sentenceOf = ({ path, message }: { path: readonly (string | number)[]; message: string }): string =>
  path.length === 0 ? message : `${path.map(nameOf).join('.')}: ${message}`;

/** A field of the domain under the name that this contract has for it. */
const nameOf = (key: string | number): string => String(key).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
