import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import type { Reader } from '../../idempotency/reader.js';
import { ProjectsService } from '../../projects/projects.service.js';
import { fromProject } from './manager-projects.mapper.js';
import type { ManagerProject } from './manager-projects.schema.js';

/** What a repeated creation answers. */
@Injectable()
export class ManagerProjects implements Reader {
  constructor(private readonly projects: ProjectsService) {}

  async get(caller: Principal, id: string): Promise<ManagerProject> {
    return fromProject(await this.projects.get(caller, id));
  }
}
