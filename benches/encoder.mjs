export async function encoder() {}
