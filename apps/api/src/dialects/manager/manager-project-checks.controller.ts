import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Caller, type Principal } from '../../auth/principal.js';
import { Needs } from '../../auth/access.js';
import { BaseModelsService } from '../../base-models/base-models.service.js';
import { Speaks } from '../../http/face.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { ProjectsService } from '../../projects/projects.service.js';
import { MANAGER } from './manager.face.js';
import { fromWritable, toOutputDirectory } from './manager-projects.mapper.js';
import {
  type ModelAnswer,
  ModelAnswerSchema,
  type ModelName,
  ModelNameSchema,
  ModelNamesSchema,
  type OutputDirectory,
  type OutputDirectoryAnswer,
  OutputDirectoryAnswerSchema,
  OutputDirectorySchema,
} from './manager-projects.schema.js';

/** What a client asks before it creates a project. They change nothing. */
@Speaks(MANAGER)
@ApiTags('Projects')
@Controller('projects')
export class ManagerProjectChecksController {
  constructor(
    private readonly projects: ProjectsService,
    private readonly models: BaseModelsService,
  ) {}

  @Post('validate-output-dir')
  @HttpCode(200)
  @Needs('read')
  @ApiOperation({ summary: 'Whether results could be written to a directory' })
  @Answers(200, OutputDirectoryAnswerSchema, 'They could.')
  @Refuses({ 400: 'They could not; the sentence says why.', 422: 'A field is wrong.' })
  async validateOutputDirectory(
    @Caller() caller: Principal,
    @Body({ schema: OutputDirectorySchema }) { output_directory }: OutputDirectory,
  ): Promise<OutputDirectoryAnswer> {
    const directory = toOutputDirectory(output_directory);
    await this.projects.assertOutputDirectoryFound(caller, directory);
    return fromWritable(directory);
  }

  @Post('validate-model')
  @HttpCode(200)
  @Needs('read')
  @ApiOperation({ summary: 'Whether a model is there to be trained' })
  @Answers(200, ModelAnswerSchema, 'Whether it is, and where.')
  @Refuses({ 422: 'A field is wrong.' })
  async validateModel(@Body({ schema: ModelNameSchema }) { model_name }: ModelName): Promise<ModelAnswer> {
    const found = await this.models.look(model_name);
    return typeof found === 'string'
      ? { available: false, model_name, path: null, errors: [found] }
      : { available: true, model_name, path: found.path, errors: [] };
  }

  @Get('models/available')
  @ApiOperation({ summary: 'List the models that are there to be trained' })
  @Answers(200, ModelNamesSchema, 'Their names.')
  async listModels(): Promise<string[]> {
    return (await this.models.list()).map(({ name }) => name);
  }
}
