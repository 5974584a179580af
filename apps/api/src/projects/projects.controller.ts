import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type CreateProject,
  CreateProjectSchema,
  type DeletedProject,
  DeletedProjectSchema,
  type ListProjectsQuery,
  ListProjectsQuerySchema,
  type Page,
  type Project,
  ProjectPageSchema,
  ProjectSchema,
  type ProjectValidation,
  ProjectValidationSchema,
  type UpdateProject,
  UpdateProjectSchema,
} from '@influencerai/shared';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../auth/principal.js';
import { clientGone } from '../http/client-gone.js';
import { Answers, Refuses } from '../http/openapi.js';
import { sendPageHeaders } from '../http/page-headers.js';
import { CreationId } from '../idempotency/creation-id.js';
import { Idempotent } from '../idempotency/idempotent.js';
import { ProjectRemovalsService } from './project-removals.service.js';
import { ProjectStartsService } from './project-starts.service.js';
import { ProjectValidationsService } from './project-validations.service.js';
import { ProjectsService } from './projects.service.js';

@ApiTags('Projects')
@Controller('projects')
export class ProjectsController {
  constructor(
    private readonly projects: ProjectsService,
    private readonly starts: ProjectStartsService,
    private readonly removals: ProjectRemovalsService,
    private readonly validations: ProjectValidationsService,
  ) {}

  @Post()
  @Idempotent(ProjectsService)
  @ApiOperation({ summary: 'Create a project: traits, and the datasets that teach them' })
  @Answers(201, ProjectSchema, 'The project. Nothing is trained yet.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown dataset.' })
  create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: CreateProjectSchema }) input: CreateProject,
  ): Promise<Project> {
    return this.projects.create(caller, { ...input, id });
  }

  @Get()
  @ApiOperation({ summary: 'List projects, newest first' })
  @Answers(200, ProjectPageSchema, 'One page.')
  @Refuses({ 400: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: ListProjectsQuerySchema }) query: ListProjectsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<Project>> {
    return sendPageHeaders(reply, await this.projects.list(caller, query));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a project with the progress of its job' })
  @Answers(200, ProjectSchema, 'The project.')
  @Refuses({ 404: 'Unknown project.' })
  get(@Caller() caller: Principal, @Param('id') id: string): Promise<Project> {
    return this.projects.get(caller, id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Rename or describe a project; what it trains stays' })
  @Answers(200, ProjectSchema, 'The project.')
  @Refuses({ 400: 'A field is wrong.', 404: 'Unknown project.' })
  update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body({ schema: UpdateProjectSchema }) input: UpdateProject,
  ): Promise<Project> {
    return this.projects.update(caller, id, input);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a project without an active job, with the mix that was drawn for it' })
  @Answers(200, DeletedProjectSchema, 'It is gone. Its jobs stay, and a mix that something else uses.')
  @Refuses({ 404: 'Unknown project.', 409: 'Its job is active, or another request starts it.' })
  async delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedProject> {
    await this.removals.delete(caller, id);
    return { success: true };
  }

  @Post(':id/start')
  @HttpCode(200)
  @ApiOperation({ summary: 'Draw the mix and submit its job, or another one after a failure' })
  @Answers(200, ProjectSchema, 'The project, with its job and the rows of each dataset.')
  @Refuses({
    400: 'The model is not available, or no row can be drawn.',
    404: 'Unknown project.',
    409: 'It has a job that has not failed, another request starts it, a dataset is gone or not ready, or a mix that failed is in use.',
    422: 'A dataset cannot be read any more.',
    429: 'A quota is used up.',
    507: 'No room left.',
  })
  start(@Caller() caller: Principal, @Param('id') id: string): Promise<Project> {
    return this.starts.start(caller, id);
  }

  @Post(':id/validate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Look at what a project has trained: its files, the shapes of its weights, loading' })
  @Answers(200, ProjectValidationSchema, 'What was found, also where it is wrong.')
  @Refuses({
    404: 'Unknown project.',
    409: 'Its job is not completed.',
    429: 'Another result is being looked at.',
  })
  validate(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProjectValidation> {
    return this.validations.validate(caller, id, clientGone(reply));
  }
}
