/** What a failure is: its HTTP status and a sentence that says what happened and what to do. */
export interface ErrorSpec {
  status: number;
  message: string;
  /** Whether the same call may succeed later without a change by the caller. */
  isRetryable?: boolean;
}

/**
 * Every failure the system reports, by stable code. `{name}` in a message is filled from the error's details.
 * The API, the worker, the SDK and `docs/errors.md` read this table.
 */
export const ERRORS = {
  validation_failed: { status: 400, message: 'Validation failed' },
  body_malformed: { status: 400, message: 'The request body is not valid JSON.' },
  body_too_large: { status: 413, message: 'The request body is larger than the limit of {limit}.' },
  text_bodies_exhausted: {
    status: 429,
    message: 'As many large bodies are read as may be at a time. Try again shortly.',
    isRetryable: true,
  },
  request_malformed: { status: 400, message: 'This is no HTTP/1.1 request, or one that could be read in two ways.' },
  request_timed_out: { status: 408, message: 'The request came too slowly and was given up. Send it again, faster.' },
  headers_too_large: { status: 431, message: 'The address and the headers are larger than 16 KiB together.' },
  media_type_unsupported: {
    status: 415,
    message: 'The content type {contentType} is not supported here; use {expected}.',
  },
  multipart_malformed: { status: 400, message: 'The multipart body cannot be read: {reason}.' },
  upload_too_large: { status: 413, message: 'The upload is too large: {what} at most {limit}.' },
  tenant_missing: {
    status: 401,
    message: 'The header x-tenant-id is missing. Send it with every request, for example "x-tenant-id: tenant_demo".',
  },
  tenant_malformed: {
    status: 401,
    message: 'The header x-tenant-id must be 1 to 64 letters, digits, "_", "-" or ".".',
  },
  credentials_missing: {
    status: 401,
    message: 'No credentials. Send an API key or a token with every request: "Authorization: Bearer iak_…".',
  },
  credentials_invalid: { status: 401, message: 'The API key or token is not valid.' },
  credentials_expired: { status: 401, message: 'The API key or token has expired. Ask for a new one.' },
  scope_missing: { status: 403, message: 'This needs the scope "{scope}", which the credential does not have.' },
  operator_only: { status: 403, message: 'This is for operators: credentials that belong to no tenant.' },
  tenant_mismatch: {
    status: 403,
    message: 'The credential belongs to another tenant than x-tenant-id names. Leave the header out.',
  },
  tenant_disabled: { status: 403, message: 'The tenant is disabled. Ask the operator.' },
  user_disabled: { status: 403, message: 'The user is disabled. Ask an administrator of the tenant.' },
  tenant_not_found: { status: 404, message: 'Tenant {id} not found.' },
  user_not_found: { status: 404, message: 'User {id} not found.' },
  api_key_not_found: { status: 404, message: 'API key {id} not found.' },
  tenant_exists: { status: 409, message: 'Tenant {id} exists already.' },
  user_exists: { status: 409, message: 'User {id} exists already.' },
  api_key_over: { status: 409, message: 'API key {id} is revoked or expired; create a new one.' },
  route_not_found: { status: 404, message: 'Cannot {method} {path}. The routes are listed at /api.' },
  route_gone: { status: 410, message: 'This route is gone. Use {instead} in its place.' },
  method_not_allowed: { status: 405, message: 'Cannot {method} {path}. Allowed here: {allowed}.' },
  dataset_not_found: { status: 404, message: 'Dataset {id} not found' },
  dataset_of_other_user: { status: 403, message: 'Dataset {id} belongs to another user.' },
  upload_not_found: { status: 404, message: 'Upload {id} was not found.' },
  lora_config_not_found: { status: 404, message: 'LoRA config {id} not found' },
  job_not_found: { status: 404, message: 'Job {id} not found' },
  job_of_other_user: { status: 403, message: 'Job {id} belongs to another user.' },
  session_not_found: { status: 404, message: 'Session {id} not found.' },
  project_not_found: { status: 404, message: 'Project {id} not found.' },
  artifact_not_found: { status: 404, message: 'Artifact {name} not found' },
  adapter_not_found: { status: 404, message: 'Adapter {name} not found.' },
  dataset_file_not_found: { status: 404, message: 'The dataset of this job has no file {name}.' },
  link_invalid: { status: 403, message: 'This link does not open anything, or no longer. Ask for a new one.' },
  worker_not_found: { status: 404, message: 'Worker {id} is not registered. Register it again with POST /workers.' },
  dataset_path_refused: { status: 400, message: 'Validation failed' },
  dataset_not_ready: { status: 409, message: 'Dataset {id} is {status}; a job needs a dataset that is ready.' },
  dataset_kind_mismatch: {
    status: 409,
    message: 'Dataset {id} holds {kind} data, which the model {model} cannot learn from.',
  },
  dataset_changed: {
    status: 409,
    message:
      'Dataset {id} has changed since job {job} was submitted: its digest was {was} and is {is} now. Submit a new job to train on it as it is.',
  },
  model_unknown: { status: 400, message: 'The base model {model} is not available here.' },
  lora_config_name_taken: { status: 409, message: "LoRA config with name '{name}' already exists" },
  dataset_in_use: { status: 409, message: 'Dataset {id} is in use by {by}.' },
  lora_config_in_use: {
    status: 400,
    message: 'Cannot delete configuration: {count} active jobs (pending/running) are using it',
  },
  job_transition_refused: {
    status: 409,
    message: 'Job {id} is {from} and cannot become {to}. Allowed from here: {allowed}.',
  },
  job_attempt_stale: {
    status: 409,
    message: 'Attempt {attempt} of job {id} is over; attempt {current} holds it now. Stop this trainer.',
  },
  session_name_taken: { status: 409, message: "A session with the name '{name}' already exists." },
  session_ending: {
    status: 409,
    message: "The deleted session '{name}' is still being saved. Try again shortly, to go on from there.",
    isRetryable: true,
  },
  session_over: { status: 409, message: 'The job of session {id} is {status}; it takes no more steps.' },
  session_fully_granted: { status: 409, message: 'All {maxSteps} steps of session {id} are granted already.' },
  project_start_refused: {
    status: 409,
    message: 'Project {id} was started and is {status}; only one that was not, or has failed, can start.',
  },
  project_dataset_gone: {
    status: 409,
    message: 'Project {id} draws from datasets that are not there any more: {numbers}.',
  },
  project_active: { status: 409, message: 'Project {id} is {status}. Cancel its job first.' },
  project_starting: {
    status: 409,
    message: 'Another request is starting project {id}. Try again shortly.',
    isRetryable: true,
  },
  project_not_trained: {
    status: 409,
    message: 'Project {id} is {status}; there is a result to look at once it is completed.',
  },
  project_validation_busy: {
    status: 429,
    message: 'As many results are looked at as may be at a time. Try again shortly.',
    isRetryable: true,
  },
  model_not_available: { status: 400, message: 'The model {model} is not available here. Available: {available}.' },
  worker_pool_managed_elsewhere: {
    status: 409,
    message:
      'The workers are run by somebody else here: systemd, compose or an orchestrator. Start and stop them there.',
  },
  job_not_held: { status: 409, message: 'Job {id} is not held by a worker of this key. Stop this trainer.' },
  job_held_by_worker: {
    status: 409,
    message: 'A worker holds job {id}, and only it reports. To end the job, use POST /jobs/{id}/cancel.',
  },
  adapter_in_use: { status: 409, message: 'Adapter {name} is {status} on {runtime}. Unload it first.' },
  adapter_busy: {
    status: 409,
    message: 'Another request is at work on adapter {name}: it is {status}. Try again shortly.',
    isRetryable: true,
  },
  adapter_none_loaded: { status: 409, message: 'No adapter is loaded.' },
  adapter_not_loaded: { status: 409, message: 'Adapter {name} is {status}. Load it first.' },
  adapter_not_servable: { status: 409, message: 'No serving runtime takes adapter {name} of {baseModel}: {reason}' },
  adapter_refused: { status: 400, message: 'The runtime {runtime} refused adapter {name}: {reason}' },
  runtime_unavailable: {
    status: 502,
    message: 'The runtime {runtime} did not answer as it should: {reason}',
    isRetryable: true,
  },
  runtime_busy: {
    status: 429,
    message: 'The runtime {runtime} has as much to do as it takes on. Try again shortly.',
    isRetryable: true,
  },
  index_not_ready: { status: 409, message: 'Job {id} is {status}; its index can be queried once it is completed.' },
  index_missing: { status: 409, message: 'Job {id} has no index to query.' },
  embeddings_unavailable: {
    status: 502,
    message: 'The embedding endpoint gave no vectors.',
    isRetryable: true,
  },
  idempotency_key_reused: {
    status: 422,
    message: 'This Idempotency-Key was used with another request body. Use a new key for a new request.',
  },
  idempotency_key_in_use: {
    status: 409,
    message: 'The first request with this Idempotency-Key is still running. Try again shortly.',
    isRetryable: true,
  },
  range_not_satisfiable: { status: 416, message: 'The range {range} lies outside the file of {sizeBytes} bytes.' },
  streams_exhausted: {
    status: 429,
    message: 'Too many open event streams for this tenant (at most {limit}). Close one first.',
    isRetryable: true,
  },
  rate_limited: {
    status: 429,
    message: 'More than {limit} requests ({policy}) in {windowS} seconds. Try again in {retryAfterS} seconds.',
    isRetryable: true,
  },
  address_blocked: {
    status: 429,
    message: 'Too many failed authentications from this address. Try again in {retryAfterS} seconds.',
    isRetryable: true,
  },
  quota_exceeded: {
    status: 429,
    message: "The tenant's quota of {limit} {quota} does not allow {wanted} more: {used} are used.",
  },
  upload_incomplete: {
    status: 409,
    message: 'Upload {id} has {receivedBytes} of {sizeBytes} bytes. Send the rest first.',
  },
  upload_offset_mismatch: {
    status: 409,
    message: 'Upload {id} has another number of bytes than Upload-Offset says. Ask with HEAD and go on from there.',
  },
  direct_upload_unsupported: {
    status: 409,
    message: 'Files lie in no bucket here that a client could write to. Send them to POST /uploads (tus).',
  },
  upload_in_use: {
    status: 423,
    message: 'Another request works on upload {id}. Try again shortly.',
    isRetryable: true,
  },
  tus_version_unsupported: {
    status: 412,
    message: 'Resumable uploads speak tus 1.0.0. Send the header "Tus-Resumable: 1.0.0".',
  },
  uploads_exhausted: {
    status: 429,
    message: 'Too many open uploads for this tenant (at most {limit}). Finish or delete one first.',
    isRetryable: true,
  },
  service_unavailable: {
    status: 503,
    message: 'The service cannot answer right now. Try again shortly.',
    isRetryable: true,
  },
  storage_unavailable: {
    status: 503,
    message: 'The store of files does not answer as it should. Try again shortly.',
    isRetryable: true,
  },
  storage_full: { status: 507, message: 'There is no room left to store files. Nothing was kept.' },
  service_not_ready: { status: 503, message: 'Not ready: {failing}. The log says why.', isRetryable: true },
  internal: {
    status: 500,
    message: 'Something went wrong on our side. Quote the request id {requestId} when you report it.',
    isRetryable: true,
  },
  // Why a job failed. These stand in `result.code`; the status is what an answer about the failure itself would carry.
  attempts_exhausted: { status: 500, message: 'The job was interrupted {attempts} times and is not tried again.' },
  dataset_unreadable: { status: 422, message: 'The worker could not read the dataset: {reason}' },
  trainer_unavailable: {
    status: 503,
    message: 'The trainer {trainer} cannot start on this worker: {reason}',
    isRetryable: true,
  },
  trainer_crashed: {
    status: 500,
    message: 'The trainer ended unexpectedly ({reason}). The job log has its last lines.',
  },
  trainer_out_of_memory: { status: 500, message: 'The trainer ran out of memory.' },
  trainer_output_missing: { status: 500, message: 'The trainer ended without writing the final weights.' },
  loss_not_finite: {
    status: 500,
    message:
      'The loss became infinite or NaN, so training was stopped before the weights were spoiled. Try a lower learning rate.',
  },
  loss_diverged: {
    status: 500,
    message: 'The loss exploded, so training was stopped. The last good checkpoint is kept. Try a lower learning rate.',
  },
  model_unavailable: {
    status: 422,
    message: 'The base model {model} is not set up on this worker ({reason}).',
  },
  spec_unsupported: { status: 422, message: 'The trainer {trainer} cannot run this job: {reason}' },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
