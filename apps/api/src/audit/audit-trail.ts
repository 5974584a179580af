import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../env.js';
import { AuditLogRepository, type NewAuditEntry } from './audit-log.repository.js';

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Notes every request of a known caller that may change something, before its answer goes out. Reports of workers are
 * left out: the events of jobs tell them. So are requests beyond a limit, which would have none here. Without credentials
 * there is nobody to name, so it is off in development.
 */
@Injectable()
export class AuditTrail implements OnModuleInit {
  private readonly logger = new Logger(AuditTrail.name);

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly host: HttpAdapterHost,
    private readonly log: AuditLogRepository,
  ) {}

  onModuleInit(): void {
    if (this.config.auth.mode !== 'token') return;
    const server = this.host.httpAdapter.getInstance<FastifyInstance>();
    server.addHook('onSend', async (request, reply) => this.note(request, reply));
  }

  /** What was done is done: an entry that cannot be written is an error of ours, not of the caller. */
  private async note(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const entry = toEntry(request, reply);
    if (!entry) return;
    await this.log
      .append(entry)
      .catch((error: unknown) => this.logger.error({ err: error, entry }, 'An entry of the audit log was lost.'));
  }
}

function toEntry(request: FastifyRequest, reply: FastifyReply): NewAuditEntry | undefined {
  const { identity, method } = request;
  if (!identity || READING.has(method) || isOfWorker(request) || reply.statusCode === 429) return undefined;
  return {
    tenantId: identity.tenantId ?? null,
    keyId: identity.keyId ?? null,
    userId: identity.userId ?? null,
    method,
    route: request.routeOptions.url ?? '',
    path: request.url.split('?', 1)[0] ?? '',
    status: reply.statusCode,
    requestId: String(request.id),
    address: request.ip,
  };
}

/** About its work, or by a key that is good for nothing else. */
const isOfWorker = ({ isByWorker, identity }: FastifyRequest): boolean =>
  isByWorker === true || (identity?.scopes.every((scope) => scope === 'worker') ?? false);
