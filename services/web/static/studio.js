// placeholder until live's routes are known
export const studio = () => [];
