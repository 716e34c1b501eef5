// The public API's shapes, from types that are generated from the OpenAPI document (api.d.ts, not committed).
import type { components } from "./api.js";

type Schemas = components["schemas"];

export type Account = Schemas["Account"];
export type AccountFreshness = Schemas["AccountFreshness"];
export type Application = Schemas["Application"];
export type BlockedAction = Schemas["BlockedAction"];
export type BoardItem = Schemas["BoardItem"];
export type Deployment = Schemas["Deployment"];
export type DeploymentInsights = Schemas["DeploymentInsights"];
export type ExplainedDeployment = Schemas["ExplainedDeployment"];
export type Insight = Schemas["Insight"];
export type InsightExplanation = Schemas["InsightExplanation"];
export type IntervalInsight = Schemas["IntervalInsight"];
export type Event = Schemas["Event"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type Whoami = Schemas["Whoami"];
