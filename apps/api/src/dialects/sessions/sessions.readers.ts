import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import type { Reader } from '../../idempotency/reader.js';
import { SessionGrantsService } from '../../jobs/sessions/session-grants.service.js';
import { SessionsService } from '../../jobs/sessions/sessions.service.js';
import { fromSession } from './sessions.mapper.js';
import type { SessionStatus } from './sessions.schema.js';

/** What a repeated creation answers. */
@Injectable()
export class CreatedSessions implements Reader {
  constructor(private readonly sessions: SessionsService) {}

  async get(caller: Principal, id: string): Promise<SessionStatus> {
    return fromSession(await this.sessions.get(caller, id));
  }
}

/** What a repeated grant answers. */
@Injectable()
export class GrantedSessions implements Reader {
  constructor(private readonly grants: SessionGrantsService) {}

  async get(caller: Principal, id: string): Promise<SessionStatus> {
    return fromSession(await this.grants.get(caller, id));
  }
}
