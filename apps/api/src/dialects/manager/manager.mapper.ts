import {
  AppError,
  type ErrorCode,
  type FieldIssue,
  type Page,
  type PageQuery as DomainPage,
} from '@influencerai/shared';
import { type Detail, isMalformed, problemsOf } from '../fastapi-errors.js';
import type { PageOf, PageQuery } from './manager.schema.js';

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

/** `2024-01-01T00:00:00Z`: no example of this contract has fractions of seconds. */
export const toStamp = (iso: string): string => `${iso.slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)}Z`;

/** What its clients are told as it is, though other conflicts are rules that a request breaks. */
const CONFLICTS: readonly ErrorCode[] = ['worker_pool_managed_elsewhere'];

/** Its clients know two kinds of mistakes: a request of the wrong form (422), and one that breaks a rule (400). */
export function statusOf(error: AppError): number {
  const { code, status } = error;
  if (isMalformed(error)) return 422;
  return (status === 409 && !CONFLICTS.includes(code)) || status === 422 ? 400 : status;
}

export function fromError(error: AppError): Detail {
  const problems = problemsOf(error);
  if (problems) return { detail: problems };
  const { issues } = error.details;
  if (issues) return { detail: [...new Set(issues.map(sentenceOf))].join('; ') };
  return { detail: inWordsOfProjects(error).message.replace(ID, '') };
}

/** A project that waits for room is `pending` here, also in sentences. */
const inWordsOfProjects = (error: AppError): AppError =>
  error.code.startsWith('project_') && error.details['status'] === 'queued'
    ? new AppError(error.code, { ...error.details, status: 'pending' })
    : error;

/** Its clients know no such ids, and the row that a sentence is about by their request. */
const ID = / [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

const sentenceOf = ({ path, message }: FieldIssue): string =>
  path.length === 0 ? message : `${path.map(nameOf).join('.')}: ${message}`;

/** A field of the domain under the name that this contract has for it. */
const nameOf = (key: string | number): string => String(key).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
