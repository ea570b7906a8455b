interface Customer {
  id: number;
  email: string;
}

export async function findCustomers(): Promise<Customer[]> {
  const response = await fetch("http://shop.internal/accounts/");
  return (await response.json()) as Customer[];
}

export function formatCustomer(customer: Customer): string {
  return `${customer.id} <${customer.email}>`;
}
