export { Agent } from './agent.js';
export { createAgent, StartError } from './create-agent.js';
export { parseEnv, type Env } from './env.js';
