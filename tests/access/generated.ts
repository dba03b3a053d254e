// What a program of TypeScript does with the client of openapi-typescript and openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./schema.d.ts";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

export async function search(dataset: string): Promise<unknown> {
  const started = await client.POST("/v1/jobs", {
    body: {
      dataset_id: dataset,
      iterations: 100,
      strategy: { kind: "random", candidates: 4 },
      budget: { seconds: 600 },
    },
  });
  if (started.error) throw new Error(started.error.detail);
  const id: string = started.data.id;
  for (;;) {
    const job = await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: id } } });
    if (job.error) throw new Error(job.error.code);
    if (job.data.state === "completed") break;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const policy = await client.GET("/v1/jobs/{job_id}/policy", {
    params: { path: { job_id: id }, query: { format: "torchvision" } },
    parseAs: "text",
  });
  return policy.data;
}
