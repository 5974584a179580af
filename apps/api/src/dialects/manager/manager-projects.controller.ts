import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal } from '../../auth/principal.js';
import { clientGone } from '../../http/client-gone.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { CreationId } from '../../idempotency/creation-id.js';
import { Idempotent } from '../../idempotency/idempotent.js';
import { NumbersService } from '../../numbers/numbers.service.js';
import { ProjectStartsService } from '../../projects/project-starts.service.js';
import { ProjectValidationsService } from '../../projects/project-validations.service.js';
import { ProjectsService } from '../../projects/projects.service.js';
import { TrainingDefaultsService } from '../../training-defaults/training-defaults.service.js';
import { WorkerAutoStartService } from '../../worker-pool/worker-auto-start.service.js';
import { MANAGER } from './manager.face.js';
import { toPage } from './manager.mapper.js';
import { NumberSchema, pageQuerySchema, type PageQuery } from './manager.schema.js';
import {
  assertUnchanged,
  datasetNumbers,
  fromProject,
  fromProjectPage,
  fromValidation,
  toCreateProject,
} from './manager-projects.mapper.js';
import { ManagerProjects } from './manager-projects.reader.js';
import {
  type ManagerProject,
  type ManagerProjectPage,
  ManagerProjectPageSchema,
  ManagerProjectSchema,
  type ManagerValidation,
  ManagerValidationSchema,
  type ProjectCreate,
  ProjectCreateSchema,
  type ProjectUpdate,
  ProjectUpdateSchema,
} from './manager-projects.schema.js';

const PageQuerySchema = pageQuerySchema({ size: 50 });

@Speaks(MANAGER)
@ApiTags('Projects')
@Controller('projects')
export class ManagerProjectsController {
  constructor(
    private readonly projects: ProjectsService,
    private readonly starts: ProjectStartsService,
    private readonly validations: ProjectValidationsService,
    private readonly numbers: NumbersService,
    private readonly defaults: TrainingDefaultsService,
    private readonly autoStart: WorkerAutoStartService,
  ) {}

  @Post()
  @Idempotent(ManagerProjects)
  @ApiOperation({ summary: 'Create a project with traits and allocations of datasets' })
  @Answers(201, ManagerProjectSchema, 'The project. Nothing is trained yet.')
  @Refuses({ 400: 'A rule of traits, percentages, datasets or the directory is broken.', 422: 'A field is wrong.' })
  async create(
    @Caller() caller: Principal,
    @CreationId() id: string,
    @Body({ schema: ProjectCreateSchema }) body: ProjectCreate,
  ): Promise<ManagerProject> {
    const ids = await this.numbers.findIds(caller, 'dataset', datasetNumbers(body));
    const input = toCreateProject(body, { ids, defaults: await this.defaults.get(caller) });
    return fromProject(await this.projects.create(caller, { ...input, id }));
  }

  @Get()
  @ApiOperation({ summary: 'List projects, newest first' })
  @Answers(200, ManagerProjectPageSchema, 'One page.')
  @Refuses({ 422: 'A parameter is wrong.' })
  async list(
    @Caller() caller: Principal,
    @Query({ schema: PageQuerySchema }) query: PageQuery,
  ): Promise<ManagerProjectPage> {
    return fromProjectPage(await this.projects.list(caller, toPage(query)));
  }

  @Get(':id')
  @ApiOperation({ summary: 'Get a project' })
  @Answers(200, ManagerProjectSchema, 'The project.')
  @Refuses({ 404: 'Unknown project.', 422: 'The id is no integer.' })
  async get(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
  ): Promise<ManagerProject> {
    return fromProject(await this.projects.get(caller, await this.idOf(caller, number)));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Rename or describe a project; its traits stay' })
  @Answers(200, ManagerProjectSchema, 'The project.')
  @Refuses({ 400: 'Something else would change.', 404: 'Unknown project.', 422: 'A field is wrong.' })
  async update(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
    @Body({ schema: ProjectUpdateSchema }) body: ProjectUpdate,
  ): Promise<ManagerProject> {
    const id = await this.idOf(caller, number);
    assertUnchanged(body, fromProject(await this.projects.get(caller, id)));
    return fromProject(await this.projects.update(caller, id, body));
  }

  @Post(':id/start')
  @HttpCode(200)
  @ApiOperation({ summary: 'Start training, or start it again after a failure' })
  @Answers(200, ManagerProjectSchema, 'The project, `pending`, with the rows that each dataset gave.')
  @Refuses({
    400: 'The model is not available, a dataset is gone or not ready, or the project is neither pending nor failed.',
    404: 'Unknown project.',
    422: 'The id is no integer.',
  })
  async start(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
  ): Promise<ManagerProject> {
    const project = await this.starts.start(caller, await this.idOf(caller, number));
    await this.autoStart.startFor(caller);
    return fromProject(project);
  }

  @Post(':id/validate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Look at the trained model: its files, then loading' })
  @Answers(200, ManagerValidationSchema, 'What was found, also where it is wrong.')
  @Refuses({
    400: 'It is not trained yet.',
    404: 'Unknown project.',
    422: 'The id is no integer.',
    429: 'Another result is being looked at.',
  })
  async validate(
    @Caller() caller: Principal,
    @Param('id', { schema: NumberSchema }) number: number,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ManagerValidation> {
    const gone = clientGone(reply);
    return fromValidation(await this.validations.validate(caller, await this.idOf(caller, number), gone));
  }

  private idOf(caller: Principal, number: number): Promise<string> {
    return this.numbers.idOf(caller, 'project', number);
  }
}
