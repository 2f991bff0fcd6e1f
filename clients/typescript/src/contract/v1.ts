// The services and messages of the contract as generated, for clients of your own: over Connect from web pages, or over gRPC.

export * from "../gen/render/v1/batch_service_pb.js";
export * from "../gen/render/v1/brand_service_pb.js";
export * from "../gen/render/v1/card_pb.js";
export * from "../gen/render/v1/error_reason_pb.js";
export * from "../gen/render/v1/job_pb.js";
export * from "../gen/render/v1/layer_pb.js";
export * from "../gen/render/v1/output_pb.js";
export * from "../gen/render/v1/project_pb.js";
export * from "../gen/render/v1/project_service_pb.js";
export * from "../gen/render/v1/render_service_pb.js";
export * from "../gen/render/v1/webhook_service_pb.js";
