import { Controller, Delete, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { type DeletedDataset, DeletedDatasetSchema } from '@influencerai/shared';
import { Caller, type Principal } from '../auth/principal.js';
import { Answers, Refuses } from '../http/openapi.js';
import { DatasetRemovalsService } from './dataset-removals.service.js';

@ApiTags('Datasets')
@Controller('datasets')
export class DatasetRemovalsController {
  constructor(private readonly removals: DatasetRemovalsService) {}

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a dataset that nothing active uses, with the files of its upload' })
  @Answers(200, DeletedDatasetSchema, 'It is gone. A folder that was there before it was registered stays.')
  @Refuses({ 404: 'Unknown dataset.', 409: 'Active jobs use it, or projects that may still start.' })
  async delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedDataset> {
    await this.removals.delete(caller, id);
    return { success: true };
  }
}
