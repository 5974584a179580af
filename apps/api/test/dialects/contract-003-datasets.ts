import type { ContractItem } from './contract.js';

export const DATASETS_003: readonly ContractItem[] = [
  { id: 'endpoint-datasets-create', kind: 'endpoint', says: '`POST /api/v1/datasets/`' },
  { id: 'endpoint-datasets-list', kind: 'endpoint', says: '`GET /api/v1/datasets/`' },
  { id: 'endpoint-datasets-get', kind: 'endpoint', says: '`GET /api/v1/datasets/{id}`' },
  { id: 'endpoint-datasets-update', kind: 'endpoint', says: '`PATCH /api/v1/datasets/{id}`' },
  { id: 'endpoint-datasets-delete', kind: 'endpoint', says: '`DELETE /api/v1/datasets/{id}`, 204' },
  { id: 'example-dataset', kind: 'example', says: 'an upload and its answer, `columns` as text' },
  { id: 'example-dataset-update', kind: 'example', says: 'a change of name and description' },
  { id: 'dataset-form', kind: 'range', says: '`file` and `name` must be there, `description` may' },
  {
    id: 'dataset-types',
    kind: 'range',
    says: '`file` is CSV or JSON; JSON is an array of objects, or one on each line',
  },
  { id: 'page', kind: 'range', says: '`page` from 1, `page_size` from 1 to 100, default 10' },
  { id: 'error-dataset-file', kind: 'error', says: '400: a file that is not what its name says, or has a broken row' },
  { id: 'error-dataset-404', kind: 'error', says: '404: no such dataset, or another tenant’s' },
  {
    id: 'dataset-delete',
    kind: 'rule',
    says: 'active jobs keep a dataset from being deleted (400), a project only while it is being started',
  },
];
