import { Controller, Get, Header, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type ArtifactLink,
  ArtifactLinkSchema,
  type GetArtifactLinkQuery,
  GetArtifactLinkQuerySchema,
} from '@influencerai/shared';
import { Caller, type Principal } from '../../auth/principal.js';
import { Answers, Refuses } from '../../http/openapi.js';
import { ArtifactLinksService } from './artifact-links.service.js';

@ApiTags('Jobs')
@Controller('jobs/:id/artifacts/:name/link')
export class ArtifactLinksController {
  constructor(private readonly links: ArtifactLinksService) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Get a link by which anybody downloads the file for a while' })
  @Answers(200, ArtifactLinkSchema, 'The link. Whoever has it needs no credentials.')
  @Refuses({ 400: 'It may not live so long.', 404: 'Unknown job or file.' })
  get(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('name') name: string,
    @Query({ schema: GetArtifactLinkQuerySchema }) query: GetArtifactLinkQuery,
  ): Promise<ArtifactLink> {
    return this.links.create(caller, id, name, query);
  }
}
