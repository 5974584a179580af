import type { ErrorCode } from '../packages/shared/src/index.ts';

/** What a client does about an answer of the API that is not 2xx. */
export const ANSWERS = {
  validation_failed: 'Correct the fields that `errors.fieldErrors` names; `errors.issues` has a JSON pointer for each.',
  body_malformed: 'Send well-formed JSON in UTF-8.',
  body_too_large:
    'Send less, or raise `BODY_LIMIT_BYTES`; for texts, `TEXTS_BODY_LIMIT_BYTES`. Uploads of artifacts are streams and have no such limit.',
  text_bodies_exhausted:
    'Repeat after `Retry-After` seconds, one body after the other; name its length, or send a file. `TEXTS_BODY_SLOTS` says how many a process reads.',
  request_malformed:
    'Use an HTTP client; send either `content-length` or chunks, and no control characters in headers.',
  request_timed_out: 'Check the line; large files are best sent in parts that can be resumed.',
  headers_too_large: 'Shorten the query or leave out headers such as cookies.',
  media_type_unsupported: 'Set the header `content-type` to what the message names.',
  multipart_malformed: 'Send `multipart/form-data` as HTTP libraries build it, to its last boundary.',
  upload_too_large: 'Send less, or several uploads. The limits are listed in `docs/uploads.md`.',
  tenant_missing: 'Add the header `x-tenant-id`.',
  tenant_malformed: 'Use letters, digits, `_`, `-` and `.`; begin with a letter or digit.',
  credentials_missing:
    'Send `Authorization: Bearer <key or token>`; an administrator of the tenant makes keys with `POST /api-keys`.',
  credentials_invalid:
    'Check that the whole key was copied and that it was not revoked; tokens must come from the issuer of the settings.',
  credentials_expired: 'Make a new key, or fetch a fresh token.',
  scope_missing: 'Use a credential with that scope.',
  operator_only: "Use an operator's key: one that belongs to no tenant, made with `bin/admin`.",
  tenant_mismatch: 'Leave `x-tenant-id` out; the credential says which tenant it is.',
  tenant_disabled: 'Ask the operator to enable the tenant.',
  user_disabled: 'Ask an administrator of the tenant to enable the user.',
  tenant_not_found: 'Check the id against `GET /tenants`.',
  user_not_found: 'Check the id against `GET /users`.',
  api_key_not_found:
    'Check the id against `GET /api-keys`. A key of another tenant gets the same answer as one that does not exist.',
  tenant_exists: 'Choose another id, or change the tenant with `PATCH /tenants/:tenantId`.',
  user_exists: 'Choose another id, or change the user with `PATCH /users/:userId`.',
  api_key_over: 'Create a new key with `POST /api-keys`.',
  route_not_found: 'Compare method and path with the list at `/api`.',
  route_gone: 'Call the route that the message names.',
  method_not_allowed: 'Use one of the methods that the header `Allow` names.',
  dataset_not_found: 'Check the id. A dataset of another tenant gets the same answer as one that does not exist.',
  dataset_of_other_user: 'Upload the dataset with your own credential.',
  upload_not_found:
    'Check the id. An upload that has expired, was made into a dataset or belongs to another tenant gets the same answer as one that never was.',
  lora_config_not_found:
    'Check the id. A configuration of another tenant gets the same answer as one that does not exist.',
  job_not_found: 'Check the id. A job of another tenant gets the same answer as one that does not exist.',
  job_of_other_user: 'Use the credential of the user who submitted the job.',
  project_not_found: 'Check the id. A project of another tenant gets the same answer as one that does not exist.',
  project_start_refused: 'Follow its job; create another project to train again.',
  project_dataset_gone:
    'Create another project, from datasets that are there; the message has the numbers of those gone.',
  project_active: 'Cancel the job that `jobId` names and wait until it is over, then delete again.',
  project_starting: 'Read the project after a moment: it has a job then.',
  project_not_trained: 'Wait until `GET /projects/:id` says `completed`.',
  model_not_available:
    'Name a model that `GET /models` lists, or ask the operator to add it to `models.yaml` or to the Hugging Face cache of the host.',
  worker_pool_managed_elsewhere:
    'Start and stop workers where they are run. `bin/dev` runs a supervisor that takes orders from the API.',
  artifact_not_found: 'List `GET /jobs/:id/artifacts`; the file may not be written yet.',
  adapter_not_found:
    'List `GET /adapters`. An adapter of another tenant gets the same answer as one that does not exist.',
  adapter_in_use: 'Call `POST /adapters/:name/unload`, then delete again.',
  adapter_busy: 'Wait a moment and repeat the request; `GET /adapters/:name` shows how far it is.',
  adapter_none_loaded: 'Load one first.',
  adapter_not_loaded: 'Call `POST /adapters/:name/load` first.',
  adapter_not_servable:
    'Ask the operator for a runtime that serves this base model (`SERVING_RUNTIMES`); see [adapters](adapters.md).',
  adapter_refused:
    'Read what the runtime says: mostly a rank beyond its limit, or a base model other than the one it was started with.',
  runtime_unavailable: 'Repeat later. When it lasts, the operator should look whether the runtime runs.',
  runtime_busy: 'Repeat after a few seconds.',
  project_validation_busy: 'Repeat after `Retry-After` seconds. A tenant has one result looked at at a time.',
  index_not_ready: 'Wait until the job is `completed`, then repeat.',
  index_missing:
    'Query a job whose trainer is `retrieval`; where its file is gone or changed, submit it again (`POST /jobs/:id/rerun`).',
  embeddings_unavailable:
    'Submit the job again. When it lasts, the operator should look at `EMBEDDINGS_URL` and `EMBEDDINGS_MODEL` of the workers.',
  dataset_file_not_found: 'List `GET /jobs/:id/dataset` again; files of a dataset may come and go.',
  link_invalid:
    'Ask `GET /jobs/:id/artifacts/:name/link` for a new one, and send it unchanged, with GET or HEAD, before it expires.',
  worker_not_found: 'Register with `POST /workers`, then repeat the call. Workers do this by themselves.',
  dataset_path_refused:
    'Name a folder below the data root: `data/…`, without `..` and without links that lead outside.',
  dataset_not_ready: 'Poll `GET /datasets/:id` until it is `ready`; when it is `failed`, its `problems` say why.',
  model_unknown:
    'Name a model of the hub (`name/model`), or ask the operator for an entry in the registry; see [models](gpu-host.md).',
  dataset_kind_mismatch:
    'Use pictures (`lora-training`) for image models and rows of text (`fine-tuning`) for language models.',
  dataset_changed: 'Put the files back as they were, or submit a new job with `POST /jobs`.',
  lora_config_name_taken: 'Choose another name, or update the configuration that has it.',
  dataset_in_use:
    'Wait for those jobs or cancel them, then delete again; a project keeps its datasets until it is completed, cancelled or deleted.',
  lora_config_in_use: 'Wait for those jobs or cancel them, then delete again.',
  job_transition_refused: 'Read the job again; the message lists what is allowed from its present state.',
  session_not_found:
    'Check the id of the job. A job that is no session, or of another tenant, gets the same answer as one that does not exist.',
  session_name_taken: 'Choose another name, or delete the session that has it with `DELETE /jobs/:id/session`.',
  session_ending:
    'Send the same again a little later; it then goes on where the deleted session was saved. Another name begins anew at once.',
  session_over: 'Submit a new job; its configuration and dataset may be the same.',
  session_fully_granted: 'Wait for the end; a session with more steps needs a larger `maxSteps` when it is submitted.',
  job_not_held: 'Stop writing: only the worker that holds the job reports on it.',
  job_held_by_worker: 'Wait for the worker, or end the job with `POST /jobs/:id/cancel`.',
  job_attempt_stale: 'Stop writing: the job was handed to a later attempt.',
  idempotency_key_reused: 'Send a new key with a new request, and the same body with a repeated one.',
  idempotency_key_in_use: 'Wait a moment and repeat the request with the same key.',
  range_not_satisfiable: 'Ask for a range within the size of the file, or for the whole file.',
  streams_exhausted: 'Close a stream, or poll `GET /jobs/:id` instead.',
  rate_limited:
    'Wait for the seconds that `Retry-After` names. `X-RateLimit-Remaining` tells beforehand; see [limits](limits.md).',
  address_blocked: 'Correct the API key or token, and wait for the seconds that `Retry-After` names.',
  quota_exceeded:
    'Wait until queued jobs were admitted, cancel some, or remove files; `GET /usage` shows every quota. Operators set them per tenant.',
  upload_incomplete: 'Ask `HEAD /uploads/:id` where to go on and send the rest.',
  upload_offset_mismatch: 'Ask `HEAD /uploads/:id` and send what follows the offset in its answer.',
  direct_upload_unsupported: 'Use `POST /uploads` (tus) or `POST /datasets/upload`; `client.datasets.upload` does.',
  upload_in_use: 'Wait until the other request has ended; one whose connection broke gives way within seconds.',
  tus_version_unsupported: 'Use a client of tus 1.0, or send the header with every request.',
  uploads_exhausted: 'Wait until an upload is done, or `DELETE /uploads/:id` one that was given up.',
  service_unavailable: 'Repeat after the seconds that `Retry-After` names. The database or the storage is away.',
  storage_unavailable:
    'Try again. When it lasts: the log of the API says what the store answered; `docs/storage.md` what it needs.',
  storage_full: 'Tell the operator. Uploads that broke leave nothing behind and can be repeated.',
  service_not_ready: 'Wait until `GET /health/ready` answers 200; its body names what is missing.',
  internal: 'Repeat once; if it stays, look up the request id in the log of the API.',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** What a tenant does about a failed job; these stand in its `result.code`. */
export const JOB_FAILURES = {
  attempts_exhausted:
    'Look at the log for what the attempts have in common; hosts that crash or run out of memory are the usual cause.',
  dataset_unreadable: 'Put the files back where they were when the dataset was registered, and submit again.',
  trainer_unavailable: 'Start a worker that has the trainer, then submit again.',
  trainer_crashed: 'Read the last lines of `GET /jobs/:id/logs`.',
  trainer_out_of_memory: 'Lower `batchSize`, `resolution` or `networkDim`, or use a host with more memory.',
  trainer_output_missing: 'Read the log; a full disk is the usual cause.',
  loss_not_finite: 'Lower `learningRate`; look for broken pictures in the dataset.',
  loss_diverged: 'Lower `learningRate`, or warm it up; go on from the last good checkpoint among the artifacts.',
  model_unavailable: 'Ask the operator to set the model up in `models.yaml`, or choose one of those that are.',
  spec_unsupported: 'Change what the message names, or choose a base model of another trainer.',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** Fails to compile when a code of the catalogue has no advice. */
export const ADVICE: Record<ErrorCode, string> = { ...ANSWERS, ...JOB_FAILURES };
