import { Router } from "express";

import { findCustomers, formatCustomer } from "./customers";

export const admin = Router();

admin.get("/customers", async (_request, response) => {
  const customers = await findCustomers();
  response.json(customers.map(formatCustomer));
});

admin.post("/customers/:id/block", async (request, response) => {
  response.json({ blocked: request.params.id });
});

admin.delete("/customers/:id", async (request, response) => {
  response.json({ deleted: request.params.id });
});
